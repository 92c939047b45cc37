"""`train.args`: each argument classified, checked while planning, in one form."""

import contextlib
import json
import random
from pathlib import Path

import pytest
from project import printed

from arkiv.base.errors import InputError
from arkiv.train import fields
from arkiv.train.arguments import Hardware, parsed, to_command_line, with_defaults
from arkiv.train.fields import known_fields, schedules
from arkiv.train.given import checked, learnt_from, with_steps
from arkiv.train.offered import (
    FORMER,
    LEARNT,
    OFFERED,
    RATIO,
    REFUSED,
    UNUSABLE,
    WITHOUT_EFFECT,
)
from arkiv.train.settings import ARGUMENTS

# What makes an argument that is set alone agree with the others.
BESIDE = {
    "fix_encoder": {"unified_finetuning": True},
    "dataloader_prefetch_factor": {"dataloader_num_workers": 2},
    "dataloader_multiprocessing_context": {"dataloader_num_workers": 2},
    "lr_scheduler_kwargs": {"lr_scheduler_type": "cosine"},
    "optim_target_modules": {"optim": "galore_adamw"},
    "lr_scheduler_type": {"lr_scheduler_kwargs": None},
}
MAPS = {
    "lr_scheduler_kwargs": ({"num_cycles": 0.5}, {"num_cycles": 1.5}),
    "deepspeed": ({"zero_optimization": {"stage": 1}}, {"zero_optimization": {}}),
    "gradient_checkpointing_kwargs": (
        {"use_reentrant": True},
        {"use_reentrant": False},
    ),
}


def fault(args) -> InputError:
    with pytest.raises(InputError) as caught:
        checked(args)
    return caught.value


def two_values(name: str) -> tuple:
    """Two values that an argument takes, which do not mean the same."""
    field, rule = (
        known_fields().get(name, known_fields()["warmup_steps"]),
        OFFERED[name],
    )
    choices = [
        one
        for one in rule.choices or field.choices
        if one not in UNUSABLE.get(name, {})
        and not schedules().get(one, NO_NEEDS).needs
    ]
    if name in MAPS:
        return MAPS[name]
    if name == "optim_args":
        return "a=1", "a=1, b=2"
    if "bool" in field.types:
        return True, False
    if name in ("report_to", "debug"):
        return choices[:1], []
    if choices:
        return choices[0], choices[1]
    if {"int", "float"} & set(field.types):
        if rule.at_most == 1 or rule.less_than == 1:
            return 0.25, 0.5
        return 3, 4
    return "one", "two"


NO_NEEDS = fields.Schedule((), ())


# Every argument is classified.


def test_every_argument_of_the_packages_stands_in_one_table():
    tables = (REFUSED, WITHOUT_EFFECT, LEARNT)
    known = set(known_fields())
    for table in tables:
        assert set(table) <= known, sorted(set(table) - known)
    assert known == {name for table in tables for name in table}
    assert sum(map(len, tables)) == len(known)
    assert not (set(FORMER) | {RATIO}) & known
    for name, choices in UNUSABLE.items():
        assert set(choices) < set(known_fields()[name].choices)
    for name, rule in OFFERED.items():
        if name != RATIO and (choices := known_fields()[name].choices):
            assert set(rule.choices) <= set(choices)


def test_the_types_are_those_of_the_installed_packages():
    """By `make arguments` they are brought up to them; what is new is to be classified
    in arkiv.train.offered."""
    assert fields.written(fields.of_packages()) == fields.FILE.read_text("utf-8")


def test_an_argument_that_is_new_is_classified_before_it_can_be_set(monkeypatch):
    more = known_fields() | {"brand_new": fields.Field(("int",))}
    monkeypatch.setattr("test_given.known_fields", lambda: more)
    with pytest.raises(AssertionError):
        test_every_argument_of_the_packages_stands_in_one_table()
    assert "is no argument" in str(fault({"brand_new": 1}))


def test_checking_imports_neither_torch_nor_transformers():
    code = (
        "import sys; from arkiv.train.given import checked; checked({'optim': 'sgd'});"
        "print([n for n in ('torch', 'transformers', 'numpy') if n in sys.modules])"
    )
    assert printed(code) == "[]"


# What is refused, and how.


@pytest.mark.parametrize("name", sorted(REFUSED | FORMER))
def test_what_is_refused_is_refused_whatever_its_value(name):
    for value in (None, True, 1, "x", ["x"]):
        error = fault({"learning_rate": 1e-5, name: value})
        assert error.key == f"train.args.{name}"
        assert error.reason.startswith("cannot be set: ")
        assert "\n" not in error.reason


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("query_instruction_for_retrieval", "`models.embedder.query_prompt`"),
        ("query_instruction_format", "`models.embedder.query_prompt`"),
        ("passage_instruction_for_retrieval", "`models.embedder.passage_prompt`"),
        ("passage_instruction_format", "`models.embedder.passage_prompt`"),
        ("sentence_pooling_method", "`models.embedder.pooling`"),
        ("normalize_embeddings", "in every stage"),
        ("model_name_or_path", "`models.embedder`"),
        ("data_seed", "`seed`"),
        ("eval_steps", "`train.evaluation`"),
        ("activation_checkpointing", "`gradient_checkpointing`"),
    ],
)
def test_a_refusal_names_the_right_key(name, key):
    assert key in fault({name: 1}).reason


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"learning_rat": 1}, "did you mean learning_rate"),
        ({"train_group_sise": 1}, "did you mean train_group_size"),
        ({"learning_rate": "fast"}, "is 'fast', expected a number"),
        ({"learning_rate": -1}, "is -1, expected more than 0"),
        ({"learning_rate": "-1e-5"}, "is -1e-05, expected more than 0"),
        ({"learning_rate": float("inf")}, "is inf, expected a number"),
        ({"learning_rate": 10**400}, f"is 1{'0' * 99}…, expected a number"),
        ({"max_steps": 10**400}, "is not finite"),
        ({"learning_rate": True}, "is True, expected a number"),
        ({"train_group_size": 0}, "is 0, expected at least 1"),
        ({"train_group_size": 2.5}, "is 2.5, expected a whole number"),
        ({"train_group_size": [8]}, "is [8], expected a whole number"),
        ({"temperature": 0}, "is 0, expected more than 0"),
        ({"adam_beta1": 1}, "is 1, expected less than 1"),
        ({"shuffle_ratio": 1.5}, "expected at most 1"),
        ({"warmup_ratio": 3}, "is 3, expected less than 1"),
        ({"warmup_ratio": "x"}, "is 'x', expected a number"),
        ({"bf16": [True]}, "is [True], expected true or false"),
        ({"bf16": 2}, "is 2, expected true or false"),
        ({"kd_loss_type": "mse"}, "is 'mse', expected one of kl_div, m3_kd_loss"),
        ({"lr_scheduler_type": "cosin"}, "expected one of linear, cosine"),
        ({"optim": "adam"}, "expected one of adamw_torch"),
        ({"optim": "galore_adamw"}, "which needs `optim_target_modules`"),
        ({"optim_args": "betas"}, "expected KEY=VALUE,KEY=VALUE"),
        ({"optim_target_modules": ["attn", "mlp"]}, "expected a text: `all-linear`"),
        ({"save_strategy": "best"}, "by `train.evaluation`"),
        ({"lr_scheduler_type": "greedy"}, "by `train.evaluation`"),
        ({"report_to": "wandb"}, "expected one of none, tensorboard"),
        ({"report_to": ["tensorboard", "all"]}, "expected one of none, tensorboard"),
        ({"max_steps": 0}, "expected at least 1, or -1"),
        ({"save_steps": 1.5}, "expected a whole number, or a share"),
        ({"warmup_ratio": 0.1, "warmup_steps": 5}, "is given beside `warmup_steps`"),
        ({"bf16": True, "fp16": True}, "expected one of the two"),
        ({"fix_encoder": True}, "leaves nothing to train"),
        ({"lr_scheduler_kwargs": {"x": 1}}, "gives x, but linear takes nothing"),
        ({"lr_scheduler_kwargs": "x"}, "expected a map"),
        ({"lr_scheduler_type": "warmup_stable_decay"}, "lacks num_decay_steps"),
        ({"lr_scheduler_type": "cosine_with_min_lr"}, "needs one of min_lr and"),
        ({"dataloader_prefetch_factor": 2}, "needs `dataloader_num_workers`"),
        ({"deepspeed": "gone.json"}, "names gone.json, which is no file"),
        ({"deepspeed": '{"zero_optimization": {"stage": 3}}'}, "ZeRO stage 3"),
        ({"deepspeed": [1]}, "expected a map or a text"),
    ],
)
def test_what_training_could_not_take_is_one_sentence(args, said):
    error = fault(args)
    assert said in error.reason
    assert error.key.removeprefix("train.args.") in {*args, "lr_scheduler_kwargs"}


def test_the_files_of_deepspeed_are_looked_into(tmp_path):
    for text, said in (
        *((text, "which holds no JSON object") for text in ("", "[]", "{", "\0")),
        ('{"zero_optimization": 3}', "has 3 as `zero_optimization`"),
        ('{"zero_optimization": {"stage": "3"}}', "ZeRO stage 3"),
    ):
        (tmp_path / "ds.json").write_text(text)
        assert said in fault({"deepspeed": str(tmp_path / "ds.json")}).reason


def test_of_a_file_of_deepspeed_what_it_holds_counts(tmp_path):
    """Not where it lies: an edit trains anew, and a copy does not."""
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    settings = {"zero_optimization": {"stage": 1}, "steps_per_print": 9}
    one.write_text(json.dumps(settings))
    other.write_text(json.dumps(dict(reversed(settings.items())), indent=1))
    taken = checked({"deepspeed": str(one)})
    assert taken == checked({"deepspeed": settings}) == {"deepspeed": settings}
    assert repr(checked({"deepspeed": str(other)})) == repr(taken)
    one.write_text(json.dumps(settings | {"zero_optimization": {"stage": 2}}))
    assert checked({"deepspeed": str(one)}) != taken


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_values_of_no_type_that_fits_never_end_in_a_traceback(name):
    draw = random.Random(name)
    values = [{}, [], "", "x", "\0", -1, 1e300, float("nan"), True, [[1]], {"a": {}}]
    for value in draw.sample(values, len(values)):
        with contextlib.suppress(InputError):
            checked({name: value})


# One form.


def rewritten(value: object, draw: random.Random) -> object:
    """The same value as another hand would write it."""
    if isinstance(value, bool):
        return draw.choice([value, str(value), str(value).lower(), int(value)])
    if isinstance(value, float) and value.is_integer():
        return draw.choice([value, int(value), str(value)])
    if isinstance(value, int):
        return draw.choice([value, float(value), str(value)])
    if isinstance(value, float):
        return draw.choice([value, str(value), f"{value:e}"])
    if isinstance(value, dict):
        return dict(reversed(value.items()))
    return value


@pytest.mark.parametrize("seed", range(20))
def test_what_means_the_same_is_the_same(seed):
    draw = random.Random(seed)
    args = dict(ARGUMENTS)
    for name in draw.sample(sorted(set(OFFERED) - {RATIO, "warmup_steps"}), 12):
        if name not in BESIDE and name != "fp16":
            args[name] = draw.choice(two_values(name))
    expected = checked(args)
    again = {name: rewritten(value, draw) for name, value in args.items()}
    shuffled = dict(draw.sample(sorted(again.items()), len(again)))
    taken = checked(shuffled)
    assert list(taken) == sorted(args)
    assert repr(taken) == repr(expected)  # 1.0 == 1 would hold
    assert checked(taken) == taken


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_what_is_learnt_tells_the_arguments_apart_that_matter(name):
    beside = BESIDE.get(name, {})
    one, two = (
        learnt_from(checked(beside | {name: value})) for value in two_values(name)
    )
    assert (one == two) is (name in WITHOUT_EFFECT)


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_what_planning_takes_the_parser_of_training_takes_too(name):
    for value in two_values(name):
        given = checked(BESIDE.get(name, {}) | {name: value})
        chosen = with_defaults(given, Hardware(), world_size=1)
        parsed(to_command_line({"model_name_or_path": "m", "output_dir": "o"} | chosen))


def test_what_is_not_given_is_the_same_as_none():
    assert learnt_from(checked({"bf16": None, "optim": None})) == {}


def test_a_bare_no_of_yaml_is_the_choice():
    assert checked({"save_strategy": False}) == {"save_strategy": "no"}


def test_a_ratio_is_a_share_of_all_steps():
    given = checked({"warmup_ratio": 0, "optim": "sgd"})
    assert with_steps(given) == {"optim": "sgd", "warmup_steps": 0.0}
    steps = checked({RATIO: None, "warmup_steps": 5})
    assert with_steps(steps) == {"warmup_steps": 5.0}


def test_the_defaults_are_all_right(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    assert checked(ARGUMENTS).keys() == ARGUMENTS.keys()
    for stage in range(3):
        checked({"deepspeed": f"config/deepspeed/stage{stage}.json"})
