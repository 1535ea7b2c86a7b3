"""Pooling: one network answers all tasks, as if they were one."""

from ..tasks import check_tasks
from .hard import Hard


class Pooled(Hard):
    """One trunk and one output layer for all tasks, which must therefore have the same kind of answer.

        h = f(x; θ),   ŷ_t = g(h; φ),   L(θ, φ) = Σ_t L_t(θ, φ)

    Raises ValueError for tasks with different outputs.
    """

    def __init__(self, tasks, trunk, **arguments):
        asked = check_tasks(tasks)
        kinds = {(type(task), task.outputs) for task in asked}
        if len(kinds) > 1:
            outputs = ", ".join(f"{task.name}: {task.outputs}" for task in asked)
            raise ValueError(f"Pooled has one output layer, so all tasks need the same outputs ({outputs})")
        super().__init__(tasks, trunk, **arguments)

    def head_of(self, task):
        return "all tasks"
