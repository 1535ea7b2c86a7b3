"""The allocator is asked to keep freed memory where that is glibc's and the user has not set it otherwise."""

from types import SimpleNamespace

import pytest

from mtl_lesson.training import hardware


@pytest.mark.parametrize(
    ("libc", "environment", "asked"),
    [
        ("glibc", {}, {-3, -1}),
        ("glibc", {"MALLOC_TRIM_THRESHOLD_": "1"}, set()),
        ("musl", {}, set()),
        ("", {}, set()),
    ],
)
def test_freed_memory_is_kept_where_it_can_be(libc, environment, asked, monkeypatch):
    settings = {}
    monkeypatch.setattr(hardware, "platform", SimpleNamespace(libc_ver=lambda: (libc, "")))
    monkeypatch.setattr(hardware, "os", SimpleNamespace(environ=environment))
    library = SimpleNamespace(mallopt=settings.__setitem__)
    monkeypatch.setattr(hardware, "ctypes", SimpleNamespace(CDLL=lambda _: library))
    hardware.keep_freed_memory()
    assert set(settings) == asked
    assert all(value >= 32 << 20 for value in settings.values())
