"""Our losses and TRL's own code on the same numbers, in float64: equal, or apart by what is said.

Its trainers write replies, judge them and compute baselines and KL themselves. Only what a model
would say, the log-probabilities, is drawn here and given to both. TRL is in no extra: it asks for
newer packages than Colab has. These tests use parts of it that are private in 1.16.
"""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from course_lib.alignment import policy

trl = pytest.importorskip("trl", reason="TRL is not here: try `pip install trl`")
COUNT, BETA, CLIP = 3, 0.3, 0.2  # of 3 replies: TRL computes 3 / (3 - 1), exact, in fp32
PROMPTS = [{"prompt": text} for text in ("The sensor", "My parcel", "It")]


def judge(completion_ids: list, **_: object) -> list[float]:
    return [len(ids) + sum(n % 2 for n in ids) / 4 for ids in completion_ids]


def losses(kind: str, model: Path, folder: Path, seed: int, **options: Any) -> tuple[float, dict]:
    """The loss of a trainer of TRL, and what our losses take."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options |= dict(beta=BETA, epsilon=CLIP, num_generations=COUNT, max_completion_length=8)
    options |= dict(per_device_train_batch_size=9, use_cpu=True, bf16=False, report_to="none")
    tokenizer, draw = AutoTokenizer.from_pretrained(model), torch.Generator().manual_seed(seed)
    tokenizer.pad_token = tokenizer.eos_token
    trainer = getattr(trl, f"{kind}Trainer")(
        AutoModelForCausalLM.from_pretrained(model),
        judge,
        getattr(trl, f"{kind}Config")(str(folder), num_iterations=2, **options),
        Dataset.from_list(PROMPTS),
        processing_class=tokenizer,
    )
    made: dict[str, Tensor] = {}

    def given(model: Any, ids: Tensor, _: Tensor, keep: int, *__: Any, **___: Any) -> tuple:
        name = "ref" if model is trainer.ref_model else "now" if "ref" in made else "old"
        noise = torch.randn(len(ids), keep, dtype=torch.double, generator=draw)
        made[name] = made["old"] + 0.2 * noise if "old" in made else -noise.abs()
        return made[name], torch.zeros_like(noise), None

    def rewarded(*given: Any) -> Tensor:
        return torch.tensor(judge(given[3]), dtype=torch.double)[:, None]

    trainer._get_per_token_logps_and_entropies, trainer._calculate_rewards = given, rewarded
    trainer.current_gradient_accumulation_steps = 1
    trainer.eos_token_ids = list(range(0, len(tokenizer), 4))  # so that replies end somewhere
    trainer.model.train()
    torch.manual_seed(seed)
    batch = trainer._generate_and_score_completions([one for one in PROMPTS for _ in range(COUNT)])
    theirs = trainer._compute_loss(trainer.model, batch).item()
    mask = batch["completion_mask"]
    said = [
        row[kept].tolist() for row, kept in zip(batch["completion_ids"], mask == 1, strict=True)
    ]
    rewards = torch.tensor(judge(said), dtype=torch.double).view(-1, COUNT)
    read = [made[name].view(-1, COUNT, mask.shape[1]) for name in ("now", "old", "ref")]
    return theirs, dict(
        zip(("now", "old", "ref"), read, strict=True),
        rewards=rewards,
        mask=mask.double().view_as(read[0]),
        beta=BETA,
        clip=CLIP,
    )


@pytest.mark.parametrize("seed", range(3))
def test_trls_rloo_is_our_ppo(tiny_llama: Path, tmp_path: Path, seed: int) -> None:
    """It has the clip, by reply; our RLOO has its gradient as long as the policy has not moved."""
    theirs, numbers = losses("RLOO", tiny_llama, tmp_path, seed)
    assert theirs == pytest.approx(policy.ppo_loss(**numbers).item(), abs=1e-12)
    ratio = ((numbers["now"] - numbers["old"]) * numbers["mask"]).sum(-1).exp()
    assert ((ratio - 1).abs() > CLIP).any()


PAPER = dict(loss_type="grpo", use_bias_correction_kl=False)


@pytest.mark.parametrize("seed", range(3))
def test_grpo_of_the_paper(tiny_llama: Path, tmp_path: Path, seed: int) -> None:
    theirs, numbers = losses("GRPO", tiny_llama, tmp_path, seed, **PAPER)
    assert theirs == pytest.approx(policy.grpo_loss(**numbers).item(), abs=1e-12)


@pytest.mark.parametrize("changed", PAPER)
def test_what_trl_changes_in_grpo_by_default(
    tiny_llama: Path, tmp_path: Path, changed: str
) -> None:
    """Its KL is multiplied by the ratio, so that the gradient is that of KL(policy ‖ reference).

    And every token of a batch counts alike (``dapo``); in the paper and here every reply does.
    """
    options = {name: value for name, value in PAPER.items() if name != changed}
    theirs, numbers = losses("GRPO", tiny_llama, tmp_path, 0, **options)
    now, mask = numbers["now"], numbers["mask"]
    ratio, kl = (now - numbers["old"]).exp(), policy.kl_k3(now, numbers["ref"])
    advantages = policy.standardised(numbers["rewards"])[..., None]
    each = BETA * kl - torch.minimum(
        advantages * ratio, advantages * ratio.clamp(1 - CLIP, 1 + CLIP)
    )
    corrected = each + BETA * (ratio - 1) * kl
    expected = {
        "loss_type": (each * mask).sum() / mask.sum(),
        "use_bias_correction_kl": ((corrected * mask).sum(-1) / mask.sum(-1)).mean(),
    }[changed].item()
    assert theirs == pytest.approx(expected, abs=1e-12)
    assert theirs != pytest.approx(policy.grpo_loss(**numbers).item(), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_dpo(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    now, before = -torch.rand(2, 6, 5, generator=draw, dtype=torch.double)
    mask = torch.ones(6, 5, dtype=torch.long)
    mask[:, 0], mask[::2, 3:] = 0, 0  # the first is the prompt
    same = lambda value, **_: value  # noqa: E731
    trainer = trl.DPOTrainer.__new__(trl.DPOTrainer)
    trainer.__dict__ |= dict(
        model=SimpleNamespace(training=False),
        accelerator=SimpleNamespace(device="cpu", gather=same, gather_for_metrics=same),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        use_weighting=False,
        beta=BETA,
        _total_train_tokens=0,
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    kept = (now * mask)[:, 1:]
    said = dict.fromkeys(("entropy", "mean_logits"), torch.zeros_like(kept))
    output = SimpleNamespace(log_probs=kept, is_top1=kept > 0, **said)
    ref_chosen, ref_rejected = (before * mask)[:, 1:].sum(-1).chunk(2)
    inputs = dict(input_ids=mask, attention_mask=mask, completion_mask=mask)
    inputs |= dict(ref_chosen_logps=ref_chosen, ref_rejected_logps=ref_rejected)
    theirs = trainer._compute_loss(lambda **_: output, inputs, False)
    chosen, rejected = kept.sum(-1).chunk(2)
    ours = policy.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, BETA)
    assert theirs.item() == pytest.approx(ours.item(), abs=1e-12)
