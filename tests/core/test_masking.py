"""What looks secret is shown neither in a list nor in a detail."""

from __future__ import annotations

from fsjob_core import JobStore
from fsjob_core.feed import Show
from fsjob_core.masking import MASK, masked
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
