"""What a command says while kernels are compiled."""

from __future__ import annotations

from numba import njit

from serving.cli.compiling import told_while_compiling


def test_each_kernel_that_is_compiled_is_counted_and_one_that_is_ready_is_not() -> None:
    """Two, of which one calls the other; then nothing is left to say."""

    @njit
    def inner(x):
        return x + 1

    @njit
    def outer(x):
        return 2 * inner(x)

    lines: list[str] = []
    with told_while_compiling(line_s=0.0, say=lines.append):
        assert outer(3) == 8
    assert lines[0].startswith("compiling, which takes")
    assert [line.partition(",")[0] for line in lines[1:]] == ["kernels compiled: 1", "kernels compiled: 2"]
    with told_while_compiling(line_s=0.0, say=lines.append):
        outer(4)
    assert len(lines) == 3
    outer(0.5)
    assert len(lines) == 3, "nothing is listened to afterwards"
