"""Ratios, and when they are refused."""

from __future__ import annotations

import dataclasses

from bench.figures import ratio_line
from bench.sides import Work
from bench.targets import Ratio, at_least, quotient, same_network, same_trunk, same_weights, within

SERVICE = Work("service", "ab" * 16, "bfloat16", "avg_pool", 2048, "nsfwjs")


def test_a_ratio_at_its_bound_is_met_and_one_below_is_not() -> None:
    """0.90 of 0.90 is enough, 0.89 is not."""
    assert quotient("a / b", 9.0, 10.0, 0.90).met
    assert not quotient("a / b", 8.9, 10.0, 0.90).met


def test_an_upper_bound_is_met_from_below() -> None:
    """Fifty milliseconds may be fifty, not fifty-one; nothing may be nothing."""
    assert within("wait", 50.0, 50.0, "ms").met
    assert not within("wait", 51.0, 50.0, "ms").met
    assert within("lost", 0.0, 0.0, "").met


def test_a_line_tells_the_bound_and_whether_it_is_kept() -> None:
    """Also where the ratio is refused; what promises nothing has neither."""
    assert ratio_line(quotient("a / b", 9.0, 10.0, 0.90)).split() == ["a", "/", "b", "0.90", "≥", "0.90", "x", "met"]
    assert ratio_line(within("wait", 51.0, 50.0, "ms")).split() == ["wait", "51.00", "≤", "50.00", "ms", "MISSED"]
    refused = ratio_line(at_least("look-ups", 9.0, 20_000.0, "/s", "other pictures"))
    assert refused.split() == ["look-ups", "-", "≥", "20,000.00", "/s", "refused:", "other", "pictures"]
    assert ratio_line(quotient("a / b", 9.0, 10.0, None)).split() == ["a", "/", "b", "0.90"]


def test_what_was_not_measured_gives_no_ratio() -> None:
    """A side without a figure refuses the ratio instead of dividing by it."""
    found = quotient("a / b", 9.0, None, 0.90)
    assert (found.value, found.met) == (None, False)
    assert "not measured" in found.refused


def test_a_refused_ratio_is_never_met() -> None:
    """Sides that did different work give no value, however good the numbers look."""
    found = quotient("a / b", 100.0, 1.0, 0.9, refused="other pictures")
    assert found == Ratio("a / b", None, 0.9, refused="other pictures")
    assert not found.met


def test_two_fingerprints_are_two_trunks() -> None:
    """The service and the bare trunk are compared only under one fingerprint, and only if there is one."""
    other = dataclasses.replace(SERVICE, name="bare trunk", fingerprint="cd" * 16)
    nothing = dataclasses.replace(SERVICE, fingerprint="")
    assert same_trunk(SERVICE, dataclasses.replace(SERVICE, name="bare trunk")) == ""
    assert "cdcd" in same_trunk(SERVICE, other)
    assert same_trunk(nothing, nothing)


def test_a_network_cut_elsewhere_is_another_network() -> None:
    """A peer with Keras' pool layer is not compared with a service that was cut earlier."""
    peer = Work("peer", "", "float32", "avg_pool", 2048)
    assert same_network(SERVICE, peer) == ""
    assert "mixed7" in same_network(dataclasses.replace(SERVICE, layer="mixed7", dimensions=768), peer)


def test_two_precisions_are_compared_over_the_same_weights_only() -> None:
    """The 8-bit service is held against the bfloat16 one of the same network."""
    quantised = dataclasses.replace(SERVICE, name="int8", fingerprint="ef" * 16, precision="int8")
    assert same_weights(quantised, SERVICE) == ""
    assert "other weights" in same_weights(dataclasses.replace(quantised, weights="random:0"), SERVICE)


def test_a_fault_of_either_side_refuses_the_ratio() -> None:
    """A measurement in which the trunk did not compute what was answered spoils every ratio of that side."""
    faulty = dataclasses.replace(SERVICE, faults=["64 pictures were answered, 60 computed"])
    assert "60 computed" in same_trunk(SERVICE, faulty)
    assert "60 computed" in same_network(faulty, SERVICE)
