"""What goes into the store comes out as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makeweight.errors import StoreError
from makeweight.jobs.result import Job, Measurement
from makeweight.store.rows import MAX_FLOAT, StudyRow
from makeweight.store.store import FINAL_SCORE, Store, done
from makeweight.training.records import EpochRecord, training_seconds

NUMBERS = st.floats(0, MAX_FLOAT)  # the loop refuses NaN and infinity before they reach a record
RECORDS = st.builds(
    EpochRecord,
    epoch=st.integers(1, 100_000),
    training_loss=NUMBERS,
    validation_loss=NUMBERS,
    validation_accuracy=st.floats(0, 1),
    learning_rate=NUMBERS,
    images=st.integers(0, 2**63 - 1),
    train_seconds=NUMBERS,
    validation_seconds=NUMBERS,
)


def states(store: Store) -> list[tuple[str, int, str | None]]:
    return [(row.state, row.attempts, row.reason) for row in store.jobs()]


def test_a_result_comes_back_bit_by_bit(store: Store, jobs: list[Job], make_result) -> None:
    result = make_result()
    store.start(jobs[1].key)
    store.finish(jobs[1].key, result)

    with Store.open(store.folder) as reader:
        row = reader.jobs()[1]
        weights, predictions = reader.weights(row), reader.predictions(row)
        assert reader.epochs(row.job.key) == result.epochs
    assert row.job == jobs[1]
    assert row.job.key == jobs[1].key
    assert (row.state, row.attempts, row.reason) == ("done", 1, None)
    assert done(row).environment == result.environment
    assert done(row).test_accuracy == result.test_accuracy
    assert done(row).validation_accuracy == result.epochs[-1].validation_accuracy
    assert done(row).test_images == len(result.test_labels)
    assert done(row).train_seconds == training_seconds(result.epochs)
    assert weights.keys() == result.weights.keys()
    for name, tensor in result.weights.items():
        assert (weights[name].dtype, weights[name].shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(weights[name], tensor)
    np.testing.assert_array_equal(predictions.logits, result.test_logits)
    np.testing.assert_array_equal(predictions.labels, result.test_labels)
    assert predictions.correct.mean() == result.test_accuracy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS, max_size=4, unique_by=lambda record: record.epoch))
def test_epochs_come_back_exactly_and_in_order(store: Store, jobs: list[Job], records: list[EpochRecord]) -> None:
    key = jobs[0].key
    store.progress(key)  # forgets what has no checkpoint
    for record in records:
        store.record_epoch(key, record, None)
    assert store.epochs(key) == tuple(sorted(records, key=lambda record: record.epoch))


def test_the_study_and_its_plan_come_back_in_order(store: Store, jobs: list[Job]) -> None:
    planned = StudyRow("study", "{}", "digits", "d" * 64, ("zero", "<one>"), "/where/the data are")
    store.plan(planned, jobs)
    study = store.study()
    assert study is not None
    assert study == dataclasses.replace(planned, created=study.created)
    assert [row.job for row in store.jobs()] == jobs
    assert states(store) == [("pending", 0, None)] * 3


def test_scores_and_a_measurement_come_back(store: Store, jobs: list[Job], make_result) -> None:
    result, key = make_result(), jobs[0].key
    store.finish(key, result)
    assert store.scores(key) == result.scores
    assert store.scores(jobs[1].key) == {}
    assert store.measurement(key) is None
    environment = result.environment
    measured = Measurement(0.5, 0.75, 200, 256, 10.0, 12.0, 20, None, 4_096, 1.5, None, None, "2026", environment)
    store.record_measurement(key, measured)
    again = dataclasses.replace(measured, peak_activation_bytes=8_192, energy_mj=0.25, energy_source="RAPL")
    store.record_measurement(key, again)
    assert store.measurement(key) == again


def test_every_opening_of_the_test_images_is_recorded(store: Store, jobs: list[Job], make_result) -> None:
    key = jobs[0].key
    store.finish(key, make_result())
    for purpose in ("feature maps", "feature maps", "mistakes"):
        store.record_test_access([key], purpose)
    assert store.test_accesses(key) == (FINAL_SCORE, "feature maps", "feature maps", "mistakes")


def test_the_test_images_count_as_opened_once_for_each_finished_job(store: Store, jobs: list[Job], make_result) -> None:
    result = make_result()
    store.start(jobs[0].key)
    store.record_epoch(jobs[0].key, result.epochs[0], b"checkpoint")
    assert store.test_accesses(jobs[0].key) == ()
    store.finish(jobs[0].key, result)
    assert [store.test_accesses(job.key) for job in jobs] == [(FINAL_SCORE,), (), ()]


def test_a_new_plan_keeps_what_is_done_and_drops_what_it_no_longer_names(
    store: Store, jobs: list[Job], make_result
) -> None:
    store.finish(jobs[0].key, make_result())
    store.fail(jobs[1].key, "no luck")
    plan = StudyRow("study", "{}", "digits", "d" * 64)
    store.plan(plan, [jobs[2]])
    assert [row.job.seed for row in store.jobs()] == [2]
    store.plan(plan, jobs)
    assert states(store) == [("done", 0, None), ("pending", 0, None), ("pending", 0, None)]
    assert store.weights(store.jobs()[0])


def test_attempts_count_until_a_new_runner_takes_over(store: Store, jobs: list[Job]) -> None:
    assert [store.start(jobs[0].key), store.start(jobs[0].key), store.start(jobs[1].key)] == [1, 2, 1]
    store.fail(jobs[1].key, "no luck")
    assert states(store) == [("running", 2, None), ("failed", 1, "no luck"), ("pending", 0, None)]
    store.release_running()
    assert states(store)[0] == ("pending", 2, None)
    store.requeue()
    assert [(state, attempts) for state, attempts, _ in states(store)] == [("pending", 0)] * 3


def test_the_time_at_work_is_the_sum_of_all_sessions(store: Store) -> None:
    first = store.add_session()
    store.extend_session(first, 1.5)
    store.extend_session(first, 2.5)
    store.extend_session(store.add_session(), 4.0)
    assert store.wall_seconds() == 6.5


def test_an_unfinished_job_has_no_result_to_ask_for(store: Store) -> None:
    with pytest.raises(StoreError, match=r"is pending and has no result yet"):
        store.weights(store.jobs()[0])


def test_there_is_nothing_to_open_where_no_study_is(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no study in .*nowhere.*makeweight study"):
        Store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
