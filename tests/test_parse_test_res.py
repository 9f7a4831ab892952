"""The lines and means of the parser."""

import parse_test_res

LOG = "* accuracy: 10.0%\n{signal}\n=> result\n* accuracy: {accuracy}%\n* macro_f1: 50.5%\n"


def runs(folder, *accuracies, signal="Finish training"):
    for i, accuracy in enumerate(accuracies, 1):
        (folder / f"seed{i}").mkdir(parents=True)
        (folder / f"seed{i}" / "log.txt").write_text(LOG.format(signal=signal, accuracy=accuracy))


def test_mean_and_population_deviation(tmp_path, capsys):
    runs(tmp_path, 77.0, 78.0, 79.0)
    (tmp_path / ".hidden").mkdir()
    assert parse_test_res.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert (
        f"Parsing files in {tmp_path}\nfile: {tmp_path}/seed1/log.txt. accuracy: 77.00%. \n" in out
    )
    assert f"===\nSummary of directory: {tmp_path}\n* accuracy: 78.00% +- 0.82%\n===\n" in out


def test_confidence_interval_and_keyword(tmp_path, capsys):
    runs(tmp_path, 77.0, 79.0)
    parse_test_res.main([str(tmp_path), "--ci95"])
    assert "* accuracy: 78.00% +- 1.39%" in capsys.readouterr().out
    parse_test_res.main([str(tmp_path), "--keyword", "macro_f1"])
    assert "* macro_f1: 50.50% +- 0.00%" in capsys.readouterr().out


def test_several_experiments_are_averaged(tmp_path, capsys):
    runs(tmp_path / "a", 70.0)
    runs(tmp_path / "b", 80.0, signal="Finished training")
    parse_test_res.main([str(tmp_path), "--multi-exp"])
    assert capsys.readouterr().out.endswith("Average performance\n* accuracy: 75.00%\n")


def test_logs_of_tests_need_a_flag(tmp_path, capsys):
    runs(tmp_path, 70.0, signal="epoch [3/20]")
    assert parse_test_res.main([str(tmp_path)]) == 1
    error = f"error: no result in {tmp_path}; for logs of tests add --test-log\n"
    assert capsys.readouterr().err == f"{tmp_path}/seed1 has no result\n{error}"
    assert parse_test_res.main([str(tmp_path), "--test-log"]) == 0


def test_no_folder_is_one_line(tmp_path, capsys):
    assert parse_test_res.main([str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"error: no folder {tmp_path / 'none'}\n"
