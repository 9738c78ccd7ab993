"""What is told of rows and of the open job while the store is away: nothing, so that what was known last holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.answers import Answers
from fsjob_core.feed import Details, Job, Message, Open, Read, Wanted


@pytest.mark.parametrize("under_the_look", [False, True])
def test_a_store_that_is_away_is_not_taken_for_one_whose_jobs_are_gone(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, under_the_look: bool
) -> None:
    told: list[Message] = []
    job_id = store.create({"n": 1}).id
    answers = Answers(store.host, told.append)
    answers.ask(Wanted("pending", (job_id,)))
    answers.ask(Open(job_id))
    answers.answer(store.views)
    assert [type(message) for message in told] == [Details, Job]
    told.clear()

    here = Path(store.directory)
    away, looks = here.rename(here.with_suffix(".away")), iter((True,))
    is_store = store.views.is_store
    with monkeypatch.context() as patch:
        if under_the_look:
            patch.setattr(store.views, "is_store", lambda: next(looks, False) or is_store())
        for request in (Open(job_id), Wanted("pending", (job_id,)), Read("pending", (job_id,))):
            looks = iter((True,))
            answers.ask(request)
            answers.answer(store.views)
    assert told == []

    away.rename(here)
    store.delete(job_id)
    while answers.answer(store.views):
        pass
    rows = [row for message in told if isinstance(message, Details) for row in message.details]
    jobs = [message.detail for message in told if isinstance(message, Job)]
    assert [row.id for row in rows] == [job_id, job_id] and all(row.problem for row in rows)
    assert [job.found for job in jobs] == [False]
