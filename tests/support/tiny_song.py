"""A song, a model of tunes, and a Stable Audio of random weights, all small."""

from typing import Any

import torch

from course_lib.cleaning.lyrics import parse_song
from course_lib.history.ngrams import KneserNey
from course_lib.song.tunes import load_tunes

MODEL = KneserNey([tune.tokens for tune in load_tunes()], order=7)
_CHORUS = "\n\n[Chorus]\nSeven billion weights and none are mine,\nsinging in a perfect line.\n"
SONG = parse_song(
    "Lamps\n\n[Verse 1]\nThe river is counting the lamps on the quay,\nand one of them burns for "
    "me.\nI walk to the water, the water is wide,\nthe night has nowhere to hide."
    + _CHORUS
    + "\n[Verse 2]\nThe ferry is late.\nThe engine is warm."
    + _CHORUS
)


def pipeline() -> Any:
    """Every part of Stable Audio, a few numbers wide: text encoder, projection, DiT, decoder."""
    import diffusers
    from diffusers.pipelines.stable_audio import StableAudioProjectionModel
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    words = Tokenizer(models.WordLevel({"<pad>": 0, "?": 1, "bell": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    size = dict(attention_head_dim=8, num_attention_heads=2, num_key_value_attention_heads=1)
    size |= dict(cross_attention_dim=16, cross_attention_input_dim=16, time_proj_dim=8)
    size |= dict(sample_size=64, in_channels=4, out_channels=4, num_layers=1)
    encoder = T5Config(vocab_size=3, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    vae = dict(encoder_hidden_size=4, decoder_channels=4, decoder_input_channels=4)
    torch.manual_seed(0)
    made = diffusers.StableAudioPipeline(
        diffusers.AutoencoderOobleck(**vae, downsampling_ratios=[2, 4], channel_multiples=[1, 2]),
        T5EncoderModel(encoder),
        StableAudioProjectionModel(16, 16, 0, 47),
        PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", model_max_length=8),
        diffusers.StableAudioDiTModel(global_states_input_dim=32, **size),
        diffusers.CosineDPMSolverMultistepScheduler(),
    )
    made.set_progress_bar_config(disable=True)
    return made
