"""Random splits of a table of schools: errors along borrowed pupils, where they are least, worlds in other units."""

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.data import schools
from mtl_lesson.linear import closed_form, splits

KS = (0.0, 3.0, 12.0, np.inf)


@pytest.fixture(scope="module")
def found():
    return splits.measure(10, range(3), ks=KS)


def test_a_place_of_the_errors_is_soft_sharing_at_that_number_of_pupils(found):
    world = schools(10, 2, common_test=False)
    theta = closed_form.solve(world, 12 / (10 * len(world.tasks)))
    np.testing.assert_allclose(found.test[2, 2], closed_form.errors(world, theta))
    np.testing.assert_allclose(found.validation[2, 2], closed_form.errors(world, theta, "validation"))
    assert found.test.shape == (3, 4, 63)


def test_ridge_borrows_as_many_pupils_who_score_zero():
    """k of them, half one standard deviation above the mean intake and half below, added to a school of its own."""
    found = splits.measure(10, [1], ks=(6.0,), by=closed_form.ridge)
    world, guests = found.worlds[0], torch.tensor([[1.0, 1.0]] * 3 + [[1.0, -1.0]] * 3, dtype=torch.float64)
    name = world.tasks[5].name
    X = torch.cat([world.train.x[name].double(), guests])
    y = torch.cat([world.train.labels[name].double(), torch.zeros(6, dtype=torch.float64)])
    theta = torch.linalg.lstsq(X, y[:, None]).solution[:, 0]
    real = ~world.test.labels[name].isnan()
    left = world.test.labels[name][real].double() - world.test.x[name][real].double() @ theta
    assert found.test[0, 0, 5] == pytest.approx(float(left.square().mean()))


def test_another_way_to_solve_is_refused():
    with pytest.raises(ValueError, match=r"closed_form.solve and closed_form.ridge alone"):
        splits.measure(10, [0], by=mtl.trace_norm.solve)


def test_the_overlap_is_how_many_pupils_are_trained_and_tested_on(found):
    """Of the 63 schools that have 15 pupils or more; the rest are halved, the odd one is tested on."""
    sizes = mtl.data.exam_table()["school"].value_counts()
    sizes = sizes[sizes >= 15]
    assert found.overlap == (630, int(((sizes - 10 + 1) // 2).sum()))


def made(validation, test):
    worlds = (schools(10, 0),) * len(test)
    return splits.Errors(10, np.array(KS), tuple(range(len(test))), worlds, np.array(validation), np.array(test))


def test_each_split_chooses_on_its_own_validation_pupils():
    """Two splits, four ks, two schools; test errors that would choose otherwise."""
    validation = [[[4, 4], [1, 2], [3, 3], [5, 5]], [[4, 4], [3, 3], [3, 2], [5, 5]]]
    test = [[[0, 0], [1, 10], [2, 20], [3, 30]], [[4, 40], [5, 50], [6, 60], [7, 70]]]
    found = made(validation, test)
    np.testing.assert_array_equal(found.chosen, [3, 12])
    np.testing.assert_array_equal(found.at_chosen, [[1, 10], [6, 60]])
    assert found.best == 3  # the mean over both splits: 4, 2.25, 2.75, 5


def test_the_least_error_has_an_interval_over_schools_drawn_again():
    """Half of the schools are best at 3 and half at 12, a little more clearly: either may come out when drawn again."""
    one, other = [1.0, 0.0, 1.0, 2.0], [2.0, 1.1, 0.0, 2.0]
    test = np.array([one] * 10 + [other] * 10).T[None]
    assert made(-test, test).least() == (12.0, 3.0, 12.0)
    assert made(-test, test).least() == made(-test, test).least()
    sure = np.array([other] * 20).T[None]
    assert made(-sure, sure).least() == (12.0, 12.0, 12.0)


def test_the_suggested_k_is_noise_over_difference(found):
    world = found.worlds[0]
    parts = closed_form.components(world, common=True)
    assert found.suggested[0] == pytest.approx(parts.noise / float(parts.between[0]))
    theta = closed_form.solve(world, found.suggested[0] / (10 * 63))
    np.testing.assert_allclose(found.at_suggested[0], closed_form.errors(world, theta))


def test_each_coefficient_has_a_k_of_its_own_and_a_ceiling_where_schools_do_not_differ():
    world = schools(40, 0)
    parts = closed_form.components(world)
    np.testing.assert_allclose(splits.suggest_each(world), parts.noise / parts.between)
    level, slope = splits.suggest_each(world, most=20)
    assert level < 10
    assert slope == 20


def test_borrowing_does_not_care_where_zero_is_and_ridge_does():
    up = torch.tensor([-3.0, 0.0], dtype=torch.float64)  # every score three higher
    for by, same in ((closed_form.solve, True), (closed_form.ridge, False)):
        here = splits.measure(10, [0], ks=KS, by=by).test
        there = splits.measure(10, [0], ks=KS, by=by, zero=lambda _: up).test
        assert np.allclose(here[:, 1:], there[:, 1:], atol=1e-5) == same
        np.testing.assert_allclose(here[:, 0], there[:, 0], atol=1e-5)  # alone, nothing is shrunk


def test_shrinking_to_everyones_line_is_what_borrowing_does():
    """Where the mean of all θ_t is taken off first, ridge with as many pupils is soft sharing, exactly."""
    world = schools(10, 0)
    theta = closed_form.solve(world, 12 / 630)
    ridge = closed_form.ridge(splits.subtract(world, theta.mean(0)), 12 / 10)
    torch.testing.assert_close(ridge + theta.mean(0), theta, atol=1e-6, rtol=0)


def test_everyones_line_is_the_least_squares_line_of_all_training_pupils():
    world = schools(10, 0)  # as many pupils in each school
    X, y = torch.cat([*world.train.x.values()]).double(), torch.cat([*world.train.labels.values()]).double()
    torch.testing.assert_close(splits.everyones_line(world), torch.linalg.lstsq(X, y[:, None]).solution[:, 0])


def test_another_unit_is_another_lambda_for_the_slope():
    """In the unit s, a pull k on every coefficient is a pull k on the level and k/s² on the slope."""
    world, k, s = schools(10, 0), 6.0, 0.5
    there = closed_form.ridge(splits.in_unit(world, s), k / 10) * torch.tensor([1, s])
    A, b = closed_form.moments(world.train, world)
    pull = torch.diag(torch.tensor([k, k / s**2], dtype=torch.float64)) / 10
    torch.testing.assert_close(there, torch.linalg.solve(A + pull, b), atol=1e-6, rtol=1e-6)


def test_rows_for_a_figure(found):
    rows = splits.tabulate([found])
    assert list(rows.columns) == ["pupils", "seed", "k", "pull", "error"]
    assert set(rows.k) == {3, 12}  # neither end
    row = rows[(rows.seed == 1) & (rows.k == 12)].iloc[0]
    assert (row.pupils, row.pull) == ("n = 10", 1.2)
    assert row.error == pytest.approx(found.test[1, 2].mean())


def test_london_borrows_ten_pupils_whatever_their_number():
    """What lesson 03 finds, on the splits that it looks at."""
    assert [splits.measure(n, range(20)).least()[0] for n in (5, 10, 20, 40)] == [10, 10, 10, 10]
