"""What looks secret is shown neither in a list nor in a detail."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import pytest

from fsjob_core import JobStore
from fsjob_core.answers import Answers
from fsjob_core.feed import Details, Message, Read, Show
from fsjob_core.masking import DEEPEST, MASK, TOO_DEEP, Hiding, masked, shallow, too_deep
from fsjob_core.record import Json
from fsjob_core.rows import row_detail

SECRET = {"type": "mail", "db": [{"Password": "swordfish"}], "api_key": {"of": "swordfish"}, "to": "ops"}


def test_members_whose_name_looks_secret_are_masked_at_any_depth() -> None:
    assert masked(SECRET) == {"type": "mail", "db": [{"Password": MASK}], "api_key": MASK, "to": "ops"}


def test_a_row_shows_no_secret_of_a_request_or_a_target(store: JobStore) -> None:
    job = store.create(SECRET)
    store.queue(job.id, {"url": "https://example.org", "token": "swordfish"})
    for view in ("pending", "waiting"):
        row = row_detail(store.views, view, job.id, store.views.marks(job.id))
        assert row.request.startswith("mail ") and "ops" in row.request and "example.org" in row.first_target
        assert "swordfish" not in row.request + row.first_target


def test_a_person_may_have_more_masked_and_another_member_tell_the_kind(store: JobStore) -> None:
    job = store.create({"type": "mail", "task": "send", "IBAN": "swordfish"})
    show = Show(kind=("nothing", "task"), masked=("iban",))
    row = row_detail(store.views, "pending", job.id, store.views.marks(job.id), show)
    assert row.request.startswith("send {") and "swordfish" not in row.request


def test_a_row_that_is_read_for_its_order_is_masked_as_it_is_on_the_screen(store: JobStore) -> None:
    job = store.create({"iban": "swordfish"})
    told: list[Message] = []
    answers = Answers(store.host, told.append)
    answers.ask(Show(masked=("iban",)))
    answers.ask(Read("pending", (job.id,)))
    answers.answer(store.views)
    assert isinstance(told[-1], Details) and told[-1].details[0].request == f'{{"iban":"{MASK}"}}'


ONE, TWO = f"{MASK} 1", f"{MASK} 2"


def test_what_is_hidden_from_an_editor_comes_back_where_its_sign_was_put() -> None:
    hiding = Hiding(SECRET)
    assert hiding.shown == {"type": "mail", "db": [{"Password": ONE}], "api_key": TWO, "to": "ops"}
    assert hiding.restored(hiding.shown) == SECRET
    moved = {"db": [], "kept": [TWO], "to": "dev", "password": ONE, "api_key": "new"}
    assert hiding.restored(moved) == {
        "db": [], "kept": [{"of": "swordfish"}], "to": "dev", "password": "swordfish", "api_key": "new",
    }  # fmt: skip
    assert Hiding(SECRET, hide=False).shown == SECRET


@pytest.mark.parametrize("written", [MASK, f"Bearer {ONE}", f"{MASK} 3", [{"token": MASK}], {ONE: 1}])
def test_bullets_are_never_taken_for_a_value(written: Json) -> None:
    for hiding in (Hiding(SECRET), Hiding({"type": "mail"})):
        with pytest.raises(ValueError, match="no value"):
            hiding.restored(written)


def test_bullets_that_were_in_a_request_stay_and_no_sign_is_like_them() -> None:
    request = {"note": ONE, MASK: [MASK], "token": "swordfish", "secret": MASK}
    hiding = Hiding(request)
    assert hiding.shown == {"note": ONE, MASK: [MASK], "token": TWO, "secret": f"{MASK} 3"}
    assert hiding.restored(hiding.shown) == request


# ── what is nested deep ──


@pytest.mark.parametrize("around", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_what_is_nested_too_deep_says_so_where_it_is_shown_and_is_not_edited(around: Callable[[Json], Json]) -> None:
    deep: Json = functools.reduce(lambda inner, _: around(inner), range(5000), "end")
    fits: Json = functools.reduce(lambda inner, _: around(inner), range(DEEPEST), "end")
    for shown in (shallow(deep), masked(deep), Hiding(deep).shown, Hiding(deep, hide=False).shown):
        assert TOO_DEEP in json.dumps(shown, ensure_ascii=False)
    assert too_deep(deep) and masked(deep) != deep
    assert not too_deep(fits) and masked(fits) == shallow(fits) == Hiding(fits).restored(fits) == fits
    with pytest.raises(ValueError, match="nested too deep"):
        Hiding(fits).restored(deep)
