"""What a command prints is text: names do not command the terminal."""

import io
import sys

import pytest

from promptsrc.command import InvalidCommand, Parser, Printable, exit_code, one_line

ESCAPES = "\x1b]0;mine\x07"
SHOWN = r"\x1b]0;mine\x07"


def test_what_is_printed_is_shown_not_obeyed(capsys):
    def work():
        print(f"class\t{ESCAPES}\rcat\n\u202edone")
        print(f"\r{ESCAPES} 50%\r", end="", file=sys.stderr)

    before = sys.stdout, sys.stderr
    assert exit_code(work) == 0
    out, err = capsys.readouterr()
    assert out == f"class\t{SHOWN}\\rcat\n\\u202edone\n"
    assert err == f"\r{SHOWN} 50%\r"  # bars return to the start of their line
    assert (sys.stdout, sys.stderr) == before


def test_an_error_is_one_printable_line(capsys):
    def work():
        raise OSError(f"no file a\n{ESCAPES}b\rerror: \x9bc\u2028d")

    assert exit_code(work) == 1
    assert capsys.readouterr().err == f"error: no file a {SHOWN}b error: \\x9bc d\n"
    assert one_line(KeyError(f"{ESCAPES}\r\n")) == SHOWN


def test_a_wrong_command_line_is_printable(capsys):
    with pytest.raises(SystemExit) as exit_:
        Parser(None, "it").parse_args([f"{ESCAPES}\r\nx"])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"error: unrecognized arguments: {SHOWN} x (see --help)\n"


def test_an_error_may_have_its_exit_code(capsys):
    def fails(error):
        def work():
            raise error

        return exit_code(work)

    busy = type("Busy", (ValueError,), {"exit_code": 75})
    assert [fails(e) for e in (busy("a"), InvalidCommand("b"), ValueError("c"))] == [75, 2, 1]
    assert capsys.readouterr().err == "error: a\nerror: b\nerror: c\n"


def test_a_name_need_not_fit_the_encoding():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    outer = Printable(Printable(stream, "\n"), "\n")
    print("hahn_ä \udcff \x1b", file=outer, flush=True)
    assert raw.getvalue() == rb"hahn_\xe4 \udcff \x1b" + b"\n" and outer.exact is stream


def test_a_logger_that_closes_its_console_does_not_close_stdout():
    stream = io.StringIO()
    console = Printable(stream, "\n")
    console.close()
    console.write("still open")
    assert stream.getvalue() == "still open"
