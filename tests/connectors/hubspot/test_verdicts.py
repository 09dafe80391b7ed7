"""Which line of a batch answer belongs to which change."""

from __future__ import annotations

from connectors.hubspot.client import Answer
from connectors.hubspot.verdicts import sort_out
from model.change import RecordChange

BAD = {"category": "VALIDATION_ERROR", "message": "no"}


def a_change(key, *, remote_id=None, **fields):
    return RecordChange(key, "contacts", fields, remote_id)


def an_answer(*results, errors=(), status="COMPLETE"):
    return Answer(207, {"status": status, "results": list(results), "errors": list(errors)})


def test_results_are_told_by_record_id_also_by_one_that_was_merged_away():
    batch = [a_change("a", remote_id="1"), a_change("b", remote_id="2"), a_change("c", remote_id="3")]
    merged = {"id": "9", "properties": {"hs_merged_object_ids": "4;2"}}
    verdicts = sort_out(batch, an_answer(merged, {"id": "3"}, {"id": "1"}))
    assert {key: row["id"] for key, row in verdicts.results.items()} == {"a": "1", "b": "9", "c": "3"}


def test_an_error_that_names_nobody_is_of_the_one_that_is_left():
    batch = [a_change("a", remote_id="1"), a_change("b", remote_id="2")]
    verdicts = sort_out(batch, an_answer({"id": "1"}, errors=[BAD]))
    assert (list(verdicts.errors), list(verdicts.silent)) == (["b"], [])


def test_an_error_reaches_its_change_by_trace_id_and_by_record_id():
    batch = [a_change("a", remote_id="1"), a_change("b", remote_id="2"), a_change("c", remote_id="3")]
    by_trace = {**BAD, "context": {"objectWriteTraceId": ["a"]}}
    by_ids = {**BAD, "context": {"ids": ["2", "3"]}}
    assert set(sort_out(batch, an_answer(errors=[by_trace, by_ids])).errors) == {"a", "b", "c"}


def test_those_who_are_not_named_are_in_doubt_where_a_result_is_nobodys():
    batch = [a_change("a", phone="1"), a_change("b", phone="2"), a_change("c", phone="3")]
    verdicts = sort_out(batch, an_answer({"id": "1"}, {"id": "2"}, errors=[BAD]))
    assert verdicts.results == {}
    assert len(verdicts.silent) == 3
    assert verdicts.is_doubtful


def test_those_who_are_not_named_are_in_doubt_where_the_batch_is_not_through():
    batch = [a_change("a", phone="1"), a_change("b", phone="2")]
    assert sort_out(batch, an_answer(errors=[BAD], status="PROCESSING")).is_doubtful
    assert not sort_out(batch, an_answer(errors=[BAD])).is_doubtful


def test_a_result_without_an_id_is_no_result():
    verdicts = sort_out([a_change("a")], an_answer({"properties": {}}))
    assert verdicts.results == {}
    assert verdicts.is_doubtful
