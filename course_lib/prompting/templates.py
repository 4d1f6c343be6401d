"""A chat template by hand: a conversation becomes one text with marks around each turn.

``transformer.turns`` makes tokens of it, so that a mark that somebody types stays text.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """What stands before a turn's text (with ``{role}``) and behind it.

    system   what is said in the system's name where a conversation does not begin with it;
             SmolLM2's template does so, silently
    """

    before: str = "<|im_start|>{role}\n"
    behind: str = "<|im_end|>\n"
    system: str = ""

    def render(self, turns: Sequence[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The text that the model reads, up to where the assistant's turn is open."""
        if self.system and (not turns or turns[0]["role"] != "system"):
            turns = [{"role": "system", "content": self.system}, *turns]
        whole = [self.before.format(role=t["role"]) + t["content"] + self.behind for t in turns]
        return "".join(whole) + self.before.format(role="assistant") * add_generation_prompt


SMOLLM2 = Template(system="You are a helpful AI assistant named SmolLM, trained by Hugging Face")
