"""Stop signals."""

import os
import signal

import pytest
from dassl.utils.signals import StopSignals


def test_a_second_signal_interrupts_at_once():
    signals = StopSignals()
    with signals.awaited():
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.asked == "SIGTERM"
        with pytest.raises(KeyboardInterrupt, match="SIGTERM and SIGINT"):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_the_parent_has_blocked_is_noted():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        signals = StopSignals()
        with signals.awaited():
            os.kill(os.getpid(), signal.SIGUSR1)
        assert signals.asked == "SIGUSR1"
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
