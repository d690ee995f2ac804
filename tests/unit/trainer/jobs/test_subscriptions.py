"""Subscriptions: replay, order, broken watchers."""

from __future__ import annotations

import threading

from trainer.jobs.subscriptions import Subscribers


def test_replay_then_follow_without_gap_or_double() -> None:
    """A watcher that joins while another thread publishes sees every event once, in order."""
    topic: Subscribers[int] = Subscribers()
    history: list[int] = []

    def make(number: int) -> int:
        history.append(number)
        return number

    def publish() -> None:
        for number in range(2000):
            topic.publish(lambda number=number: make(number))  # type: ignore[misc] # mypy cannot infer a bound default

    thread = threading.Thread(target=publish)
    thread.start()
    watchers: list[list[int]] = [[] for _ in range(20)]
    for seen in watchers:
        topic.subscribe(seen.append, lambda: tuple(history))
    thread.join()
    assert all(seen == list(range(2000)) for seen in watchers)


def test_a_broken_watcher_disturbs_nobody() -> None:
    """The others are told although one watcher raises."""
    topic: Subscribers[str] = Subscribers()

    def broken(_: str) -> None:
        raise ValueError

    heard: list[str] = []
    topic.subscribe(broken)
    topic.subscribe(heard.append)
    assert topic.publish(lambda: "news") == "news"
    assert heard == ["news"]


def test_nothing_made_nothing_told() -> None:
    """An event that did not come about is not told."""
    topic: Subscribers[str] = Subscribers()
    heard: list[str] = []
    topic.subscribe(heard.append)
    assert topic.publish(lambda: None) is None
    assert heard == []


def test_unsubscribing_frees_the_watcher() -> None:
    """A watcher that stopped is forgotten; stopping twice is fine."""
    topic: Subscribers[str] = Subscribers()
    stop = topic.subscribe(lambda _: None)
    stop()
    stop()
    assert len(topic) == 0
