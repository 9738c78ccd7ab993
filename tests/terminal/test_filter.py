"""Filtering, ordering and marking in a real terminal."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from fsjob_core import JobStore

from .conftest import Open

ESCAPE, ENTER = "\x1b", "\r"


def test_a_filter_holds_as_it_is_typed_in_every_view_and_says_how_many(store: JobStore, open_console: Open) -> None:
    jobs = [store.create({"type": "resize" if n % 3 else "crop", "n": n}) for n in range(9)]
    store.park(jobs[1].id, "no font")
    store.fulfill(jobs[2].id, b"made of paper")
    console = open_console()
    console.until('crop {"n":6}')
    console.press("/request.type:crop")
    console.until("/request.type:crop 3 of 7")
    console.until('crop {"n":6}')
    assert "resize" not in console.text
    console.press(ENTER)
    new = store.create({"type": "crop", "n": 99})
    console.until("4 of 8")
    console.press("ng")
    console.press("3")
    console.until("nobody waits to be told")
    console.press("5")
    console.until("0 of 1 match; esc clears the filter")
    console.press(ESCAPE)
    console.until("no font")
    console.press("1")
    console.until('crop {"n":99}')
    console.press(f"/{new.id[-6:].upper()}")
    console.until("1 of 8")
    console.press(ESCAPE)
    console.until("resize")
    assert "of 8" not in console.text, "escape leaves the input: the filter is what it was"
    console.press("4/value:paper")
    console.until("/value:paper 1 of 1")


def test_keys_that_were_typed_ahead_go_where_those_before_them_lead(store: JobStore, open_console: Open) -> None:
    """On a slow line, or from a program, they come at once: none may act on a row that it was not meant for."""
    jobs = [store.create({"type": "report" if n % 3 else "crop", "n": n}) for n in range(9)]
    store.park(jobs[8].id, "no font")
    console = open_console()
    console.until('report {"n":5}')
    console.press("/request.type:report\r")
    console.until("5 of 8")
    console.press("jpy2")
    console.until("no lock stands")
    console.until(lambda: store.counts().parked == 2)
    assert store.get(jobs[2].id).ours.get("parked"), "the second row of what the filter left"
    console.press('1c{"n": 99}\x13')
    console.until(lambda: store.counts().pending == 8)
    assert store.counts().parked == 2


def test_a_wrong_filter_is_told_in_its_line_and_changes_nothing(store: JobStore, open_console: Open) -> None:
    job = store.create({"type": "resize"})
    console = open_console()
    console.press(f"/{job.id[-4:]}")
    console.until("1 of 1")
    console.press(" is:nothing")
    console.until("column 9: is what?")
    assert "1 of 1" in console.text
    console.press(ENTER)
    console.read(0.3)
    console.until("column 9: is what?")
    console.press("\x7f" * 7 + "due")
    console.until(f"/{job.id[-4:]} is:due 1 of 1")
    assert "column" not in console.text
    console.press(" [x]\x1b")
    console.until("resize")


def test_a_search_says_that_it_goes_on_and_escape_stops_it_before_it_clears(
    store: JobStore, open_console: Open
) -> None:
    store.create({"n": 7})
    console = open_console()
    console.until('{"n":7}')
    with open(f"/proc/{console.process.pid}/task/{console.process.pid}/children") as children:
        monitor = int(children.read().split()[0])
    os.kill(monitor, signal.SIGSTOP)
    console.press("/request.n:7" + ENTER)
    console.until("searching; esc stops")
    console.until("none found yet")
    console.press(ESCAPE)
    console.until("/request.n:7 stopped at 0 found")
    console.press(ESCAPE)
    console.until('{"n":7}')
    console.press("/request.n:7" + ENTER)
    console.until("searching; esc stops")
    os.kill(monitor, signal.SIGCONT)
    console.until("/request.n:7 1 of 1")


def test_the_palette_goes_to_a_view_with_a_filter_and_the_console_opens_with_one(
    store: JobStore, open_console: Open
) -> None:
    jobs = [store.create({"n": n}) for n in range(3)]
    store.park(jobs[0].id, "no font")
    console = open_console("--filter", "request.n:2")
    console.until("/request.n:2 1 of 2")
    console.press(":5 /error:font")
    console.until("go to Parked with /error:font")
    console.press(ENTER)
    console.until("/error:font 1 of 1")
    console.press(":/is:x")
    console.until("column 4: is what?")
    console.press(ENTER)
    console.until("/error:font 1 of 1")
    console.press(":pending /")
    console.until("go to Pending without a filter")
    console.press(ENTER)
    console.until('{"n":1}')


def test_rows_are_ordered_by_a_column_and_cursor_and_marks_stay_on_their_jobs(
    store: JobStore, open_console: Open
) -> None:
    jobs = [store.create({"n": n}).id for n in range(3)]
    for job_id, tries in zip(jobs, (1, 3, 2), strict=True):
        state = Path(store.layout.state(job_id))
        state.write_bytes(store.get(job_id).with_ours(attempts=tries).to_bytes())
    os.mkdir(store.layout.work_lock(jobs[2]))

    def order(*numbers: int) -> bool:
        places = [console.text.find(jobs[number][-4:]) for number in numbers]
        return -1 not in places and places == sorted(places)

    console = open_console()
    console.until(lambda: order(0, 1, 2))
    console.press("j jo")
    console.until("ORDER BY")
    console.press("j" + ENTER)
    console.until(lambda: order(0, 2, 1))
    assert re.search(rf"▸ . \S+{jobs[2][-4:]}", console.text) and "1 marked" in console.text
    console.press("oo")
    console.until(lambda: order(1, 2, 0))
    console.press("o" + "j" + ENTER)
    console.until(lambda: order(2, 0, 1))
    assert re.search(rf"▸ . \S+{jobs[2][-4:]}", console.text)
    assert re.search(rf"■ +\S+{jobs[1][-4:]}", console.text)
    console.press("okkk" + ENTER)
    console.until(lambda: order(0, 1, 2))


def test_locks_are_ordered_too(store: JobStore, open_console: Open) -> None:
    jobs = [store.create({"n": n}).id for n in range(2)]
    for at, job_id in enumerate(reversed(jobs)):
        os.mkdir(store.layout.work_lock(job_id))
        os.utime(store.layout.work_lock(job_id), (at * 1000 + 1e9, at * 1000 + 1e9))
    console = open_console()
    console.press("2")
    console.until("no owner")
    for keys, first in (("ojjjj" + ENTER, 1), ("oo", 0)):
        console.press(keys)
        upper, lower = jobs[first][-4:], jobs[1 - first][-4:]
        console.until(lambda upper=upper, lower=lower: 0 < console.text.find(upper) < console.text.find(lower))  # type: ignore[misc]
