"""What a person sees while calls are made: the same facts on a terminal and in a log, and nothing that gets in the way."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from synthgen.cli.progress import Progress, run_log
from synthgen.cli.progress_panel import CallRate, describe, rate_text
from synthgen.errors import StoppedEarly
from synthgen.records import Event, Meter, Usage
from synthgen.text.humanize import dollars_text, duration_text

FROGS = Meter(
    finished=1_000,
    failed=12,
    reused=200,
    in_flight=64,
    rate_limited=3,
    usage=Usage(prompt=600_000, cached=426_000, output=100_000),
    dollars=0.42,
    elapsed_s=25.0,
)


class Closed(io.StringIO):
    """A stream whose reader has gone, as a pipe or a terminal without a window says it."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO if self.isatty() else errno.EPIPE, "nobody is there")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_stream_that_nobody_reads_ends_the_showing_only(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Closed()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    progress = Progress(stream)
    for stage in ("chunks", "index"):
        progress(Event(stage, 3, 3))
    progress.close()


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what would stand on its screen."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        lines, row, column = [""], 0, 0
        for code in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|[^\x1b]", self.getvalue()):
            if code == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            elif code == "\r":
                column = 0
            elif code == "\x1b[2K":
                lines[row] = ""
            elif code == "\x1b[1A":
                row -= 1
            elif not code.startswith("\x1b"):
                lines[row] = lines[row][:column].ljust(column) + code + lines[row][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")


def frogs(done: int = 1_200, total: int | None = 5_000, message: str = "", **changed: object) -> Event:
    return Event("generate", done, total, message, replace(FROGS, **changed))  # type: ignore[arg-type]


def test_a_paid_step_says_everything_about_its_calls() -> None:
    facts = describe(frogs(), FROGS, 50.0, 76.0)
    assert facts.reached == "1,200/5,000  24 %  1 min 16 s left"
    assert facts.share == 0.24
    assert facts.sentences == (
        "50.0 calls/s (40.0 on average), 64 in flight, 12 failed, 3 rate-limited, 200 from the store",
        "600,000 prompt tokens (71 % cached), 100,000 output tokens",
        "$0.42 so far, about $2.02 in total",
    )
    assert facts.notice == ""
    assert describe(frogs(), replace(FROGS, waiting="told to wait 12 s"), 50.0).notice == "told to wait 12 s"


def test_the_end_of_a_step_leaves_out_what_mattered_on_the_way() -> None:
    event = frogs(done=1_200, total=1_200, message="stopping", waiting="told to wait 12 s")
    assert event.meter is not None
    assert describe(event, event.meter, 50.0, last=True).line == (
        "generate     1,200/1,200  100 %  25.0 s; 40.0 calls/s, 12 failed, 3 rate-limited, 200 from the store; "
        "600,000 prompt tokens (71 % cached), 100,000 output tokens; $0.42"
    )


def test_what_is_found_out_about_the_server_is_one_more_line() -> None:
    found = replace(FROGS, findings="2 of 1,014 requests rejected, no limit seen")
    facts = describe(frogs(), found, 50.0)
    assert facts.sentences[:3] == describe(frogs(), FROGS, 50.0).sentences
    assert facts.sentences[3:] == ("2 of 1,014 requests rejected, no limit seen",)
    assert facts.line.endswith("about $2.02 in total; 2 of 1,014 requests rejected, no limit seen")
    assert describe(frogs(), found, 50.0, last=True).line.endswith("no limit seen")
    assert FROGS.after(found).findings == ""
    assert found.after(FROGS).findings == found.findings


def test_an_unknown_price_is_said_and_never_zero() -> None:
    assert describe(frogs(), replace(FROGS, dollars=None), 50.0).sentences[2] == "price unknown"
    assert describe(frogs(), replace(FROGS, dollars=0.00123), 50.0).sentences[2] == "$0.0012 so far, about $0.0059 in total"
    assert [dollars_text(amount) for amount in (0.0, 0.00001, 0.00123, 1.5, 12_345.678)] == [
        "$0.00",
        "under $0.0001",
        "$0.0012",
        "$1.50",
        "$12,345.68",
    ]


@pytest.mark.parametrize("total", [None, 0, 1_200, 5_000])
@pytest.mark.parametrize("changed", [{}, {"finished": 0}, {"dollars": None}, {"elapsed_s": 0.0}, {"usage": Usage()}])
@pytest.mark.parametrize("done", [0, 1_200])
@pytest.mark.parametrize("terminal", [True, False])
def test_no_number_may_be_missing_to_the_point_of_an_error(
    total: int | None, changed: dict[str, object], done: int, terminal: bool, clock: Clock
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    progress = Progress(stream, clock=clock)
    progress(frogs(done, total, **changed))
    clock.now = 11.0
    progress(frogs(done, total, **changed))
    progress.close()
    assert f"{done:,}" in stream.getvalue()
    assert "price unknown" in stream.getvalue() or changed.get("dollars", 0) is not None


def test_the_pace_is_that_of_the_last_twenty_seconds() -> None:
    pace = CallRate()
    for second in range(1, 101):
        assert pace(Meter(finished=10 * second, elapsed_s=float(second))) == 10
    for second in range(101, 200):  # an outage
        rate = pace(Meter(finished=1_000, elapsed_s=float(second)))
    assert rate == 0
    assert "5.1 calls/s" not in describe(frogs(), FROGS, rate).sentences[0]
    assert rate_text(0.0521) == "0.052"


def test_durations_read_well() -> None:
    assert [duration_text(s) for s in (0.04, 59.9, 61, 3_599, 7_265)] == [
        "0.0 s",
        "59.9 s",
        "1 min 01 s",
        "59 min 59 s",
        "2 h 01 min",
    ]


def test_on_a_terminal_a_few_lines_are_rewritten_and_the_last_state_stays(clock: Clock) -> None:
    terminal = Terminal()
    progress = Progress(terminal, clock=clock)
    for second in range(1, 31):
        clock.now = float(second)
        progress(
            frogs(
                100 * second,
                3_000,
                finished=100 * second,
                elapsed_s=float(second),
                waiting="" if second % 3 else "told to wait",
            )
        )
    drawn = terminal.getvalue().split("generate")[1:]
    assert {picture.count("\n") for picture in drawn} == {4}, "the height does not change, so nothing jumps"
    assert len(terminal.screen) == 5
    assert terminal.screen[4] == "  told to wait"
    progress.close()
    bar, *rest = terminal.screen
    assert re.fullmatch(r"generate  ━{40}  3,000/3,000  100 %  30\.0 s", bar)
    assert rest == [
        "  100.0 calls/s, 12 failed, 3 rate-limited, 200 from the store",
        "  600,000 prompt tokens (71 % cached), 100,000 output tokens",
        "  $0.42",
        "",
    ]


def test_stages_without_calls_have_one_line_each(clock: Clock) -> None:
    terminal = Terminal()
    progress = Progress(terminal, clock=clock)
    progress(Event("documents", 5, 10))
    clock.now = 1.0
    progress(Event("documents", 10, 10, "pond.md"))
    progress(Event("filters", 3))
    clock.now = 2.0
    progress(frogs())
    clock.now = 3.0
    progress(Event("exports", 1, 1, "beir"))
    progress.close()
    lines = terminal.screen
    assert lines[0] == "documents              10/10  10/s  1.0 s  pond.md"
    assert lines[1].startswith("filters")
    assert lines[2].startswith("generate  ━")
    assert lines[-2].startswith("exports")


def test_the_time_left_is_absent_where_nothing_supports_it(clock: Clock) -> None:
    def lines(uneven: bool) -> list[str]:
        pipe, clock.now = io.StringIO(), 0.0
        progress = Progress(pipe, clock=clock)
        progress(Event("training", message="9 rows"))
        for step in range(1, 31):
            clock.now = 60.0 + step  # the first step waits for the model
            progress(Event("training", step, 40, uneven=uneven))
        progress.close()
        return pipe.getvalue().splitlines()

    assert [re.split(r"/s  ", line)[-1] for line in lines(uneven=False)] == [
        "1 min 01 s so far",
        "29.0 s left",
        "19.0 s left",
        "1 min 30 s",
    ]
    assert [re.split(r"/s  ", line)[-1] for line in lines(uneven=True)] == [
        "1 min 01 s so far",
        "1 min 11 s so far",
        "1 min 21 s so far",
        "1 min 30 s",
    ]


def test_elsewhere_a_line_comes_every_ten_seconds_and_at_the_end(clock: Clock) -> None:
    pipe = io.StringIO()
    progress = Progress(pipe, clock=clock)
    for tenth in range(251):
        clock.now = tenth / 10
        progress(frogs(4 * tenth, 1_000, finished=4 * tenth, elapsed_s=clock.now))
    progress.close()
    lines = pipe.getvalue().splitlines()
    assert [re.search(r"\d+ %", line)[0] for line in lines] == ["40 %", "80 %", "100 %"]  # type: ignore[index]
    assert all("$0.42" in line and "71 % cached" in line and "3 rate-limited" in line for line in lines)
    assert "\x1b" not in pipe.getvalue()


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "pipe"])
def test_what_ctrl_c_does_is_told_at_once(stream: io.StringIO, clock: Clock) -> None:
    progress = Progress(stream, clock=clock)
    progress(frogs())
    clock.now = 0.01
    progress(frogs(message="stopping: 64 calls in flight may finish for 5 s; Ctrl-C again ends at once"))
    assert "64 calls in flight may finish" in stream.getvalue()
    progress.close()


def test_quiet_is_quiet(clock: Clock) -> None:
    for stream in (Terminal(), io.StringIO()):
        progress = Progress(stream, quiet=True, clock=clock)
        progress(frogs(message="stopping"))
        progress(Event("filters", 3))
        progress.close()
        assert stream.getvalue() == ""


def test_colour_only_where_it_is_wanted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> str:
        terminal = Terminal()
        progress = Progress(terminal, clock=clock)
        progress(frogs(waiting="told to wait 12 s"))
        progress.close()
        return terminal.getvalue()

    colour = re.compile(r"\x1b\[(\d+;)*[349]\d(;|m)")
    assert colour.search(shown())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(shown())


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_narrow_terminal_folds_lines_and_keeps_no_rubbish(width: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    progress = Progress(terminal, clock=clock)
    for clock.now in range(9):
        progress(Event("documents", int(clock.now) + 1, 10, "a/long/path/of/a/pond.md"))
    for clock.now in range(10, 20):
        progress(frogs(waiting="told to wait 12 s"))
    progress.close()
    assert max(map(len, terminal.screen)) <= width
    assert terminal.screen[1].startswith("generate"), "a stage without calls is never more than its one line"
    text = " ".join(" ".join(terminal.screen).split())
    assert text.count("documents") == text.count("1,200/5,000") == text.count("71 % cached") == 1


def test_a_dumb_terminal_gets_lines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    progress = Progress(terminal, clock=clock)
    progress(frogs())
    progress.close()
    assert "\x1b" not in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1


def test_what_others_print_goes_above_the_panel(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with run_log(tmp_path / "run.log", verbose=True):
        progress = Progress(clock=clock)
        progress(frogs())
        sys.stderr.write("a library warns\n")
        logging.getLogger("synthgen").debug("an event")
        clock.now = 1.0
        progress(frogs())
        above = terminal.screen[: next(i for i, line in enumerate(terminal.screen) if line.startswith("generate"))]
        assert "a library warns" in " ".join(above)
        assert "DEBUG an event" in above[-1]
        assert sum(line.startswith("generate") for line in terminal.screen) == 1
        progress.close()
    assert sys.stderr is terminal


def test_an_error_leaves_the_terminal_as_it_was(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    threads = threading.active_count()
    progress = Progress(clock=clock)
    with pytest.raises(KeyboardInterrupt):
        try:
            progress(frogs())
            assert threading.active_count() == threads, "it is drawn when an event comes, by nobody else"
            hidden, shown = (terminal.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))
            assert shown > hidden, "a kill at this moment would leave the cursor visible"
            raise KeyboardInterrupt
        finally:
            progress.close()
    assert sys.stderr is terminal
    assert terminal.getvalue().endswith(("\n", "\n\x1b[?25h"))
    progress.close()


def test_it_is_drawn_five_times_a_second_at_most(clock: Clock) -> None:
    terminal = Terminal()
    progress = Progress(terminal, clock=clock)
    for hundredth in range(1_000):
        clock.now = hundredth / 100
        progress(frogs())
    assert 40 <= terminal.getvalue().count("1,200/5,000") <= 51
    progress.close()


def test_the_log_keeps_the_last_line_of_a_stage_and_the_waits_that_matter(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spend(seconds: float, waiting: str) -> None:
        for _ in range(round(10 * seconds)):
            clock.now += 0.1
            progress(frogs(waiting=waiting.format(left=12.0 - clock.now)))

    with run_log(tmp_path / "run.log"):
        progress = Progress(io.StringIO(), quiet=True, clock=clock)
        spend(1, "")
        for _ in range(30):  # a limiter at its work
            spend(0.1, "600 requests a minute: next in 0.1 s")
            spend(0.1, "")
        spend(6, "no answer for {left:.0f} s; one call at a time tries again")
        spend(3, "")
        progress(frogs(message="stopping: 64 calls in flight may finish for 5 s"))
        progress.close()
    told = [line.partition(" INFO ")[2] for line in (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()]
    assert [re.sub(r"[\d.-]+", "N", line)[:62] for line in told[:3]] == [
        "generate: no answer for N s; one call at a time tries again",
        "generate: sending again",
        "generate: stopping: N calls in flight may finish for N s",
    ]
    assert told[3].startswith("generate     1,200/5,000")
    assert len(told) == 4


def test_the_log_says_what_is_found_out_when_it_is_something_else(clock: Clock, tmp_path: Path) -> None:
    with run_log(tmp_path / "run.log"):
        progress = Progress(io.StringIO(), quiet=True, clock=clock)
        for tenth in range(1_000):
            clock.now = tenth / 10
            limit = "no limit seen" if tenth < 500 or tenth % 2 else "a lower rate is tried to find out why"
            progress(frogs(findings=f"{tenth} of 1,000 requests rejected, {limit}" if tenth >= 200 else ""))
        progress.close()
    told = [line.partition(" INFO generate: ")[2] for line in (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()]
    assert told[:2] == [
        "200 of 1,000 requests rejected, no limit seen",
        "500 of 1,000 requests rejected, a lower rate is tried to find out why",
    ]
    assert len(told) <= 1 + 1 + 5 + 1, "once before it changes all the time, then every ten seconds, and the last line"


def test_errors_are_logged_too(tmp_path: Path) -> None:
    with pytest.raises(StoppedEarly), run_log(tmp_path / "run.log"):
        raise StoppedEarly("Stopped at llm.max_calls = 1.")
    assert "ERROR StoppedEarly: Stopped at llm.max_calls = 1." in (tmp_path / "run.log").read_text(encoding="utf-8")
    assert logging.getLogger("synthgen").handlers == []


def test_nothing_of_it_is_loaded_before_it_is_needed() -> None:
    code = "import sys, synthgen.cli.progress, synthgen.cli.views.run; print([m for m in sys.modules if m.partition('.')[0] == 'rich'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.strip() == "[]"
