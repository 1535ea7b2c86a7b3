# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # In the field · Speech: was it the voice?
#
# *15 minutes of work; nothing is trained. It stands alone.*
#
# | | |
# |---|---|
# | **tasks** | who speaks (4 voices), in which language (5), what kind of prompt (letter, number, phrase, spelling word) |
# | **what they share** | one sound, as a picture: 28 bands of frequency × 28 moments |
# | **what is starved** | *kind*, of voices: there are four |
# | **unit of splitting** | the voice; each of the four is held out in turn |
# | **measure** | accuracy, the mean over the four voices |
# | **claim, to be found** | *kind* of a new voice: beside who and which language, it is better than alone, shrunk |
#
# *Stored results: seeds 100 to 109. Settings were chosen on seeds 0 to 9, trials on validation.*

# %%
import pandas as pd

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.checks import card_speech as checks

world = mtl.data.voices(n_train=900)
clips = world.clips("train")
words = clips[clips.kind == "spelling word"]
often = words.prompt.value_counts().sort_index().loc[lambda count: count == 5].index[:2]
shown = words[words.prompt.isin(often)].sort_values(["prompt", "language"])
captions = (shown.prompt.str[0].str.upper() + ": " + shown.voice + ", " + shown.language).tolist()
mtl.show.pictures(world.train.x[shown.index], captions, columns=5, title="Two spelling words in five languages")

# %% [markdown]
# Time runs to the right, low tones lie at the bottom, bright is loud. These are prompts of a telephone system, of at most 1.5
# seconds; above, the words by which one spells C and E. You cannot hear them here: the recordings are not part of the course.
#
# Carlo speaks Italian, Ivrvoice Russian, June French. Only Allison speaks two, English and Spanish. So *who* and *which language* are
# nearly one question, and so are *which microphone* and *which studio*.
#
# ## A voice that nobody has heard
#
# ### Exercise · Heard before?  (difficulty ●○○, importance ●●●, 3 minutes)
#
# `train` and `test` are tables of clips, `unit` is the name of a column, such as `"voice"`. Return the share of the test's clips whose
# unit training has heard.

# %%
def heard(train, test, unit):
    return ...


checks.share_heard(heard)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def heard(train, test, unit):
#     return test[unit].isin(train[unit]).mean()
# ```
#
# </details>
#
# Split by row, this is 1 for voices, though no clip is in both. `held_out="June"` makes it 0.
#
# Now *kind*, of the same test clips, twice: after training on the three other voices, and on all four, with *other* prompts of the
# test's voice, as many clips each time. And a rival: a **stopwatch**, which of each clip knows nothing but how long it is, in ten steps.
# **Predict**, for a voice that training has not heard:

# %%
answers = ["the stopwatch", "the network beside who and which language", "no difference is shown"]
guess = mtl.predict("Who tells the kind of prompt better?", answers, key="12/speech")
guess

# %%
new, known = (bank.gather_field("speech", split_by=split_by) for split_by in ("group", "row"))


def compare(text, a, b):
    return mtl.claim(text, a.scores, b.scores, groups=(a.groups, b.groups), unit="%")


helps = compare("New voice: beside who and which language is better than alone, shrunk", new["Hard"], new["Alone, shrunk"])
flatters = compare("A voice that training has heard scores higher", known["Separate"], new["Separate"])
beats = compare("New voice: the network, beside both, beats the stopwatch", new["Hard"], new["stopwatch"])
guess.reveal({"contradicted": answers[0], "supported": answers[1]}.get(beats.verdict, answers[2]))
mtl.show.verdicts(helps, flatters, beats, primary=1)

# %%
arms = ["majority", "linear", "Alone, shrunk", "Hard", "stopwatch"]
table = pd.concat(new[arm].groups.reset_index().assign(arm=arm) for arm in arms)
table["voice"] = table.voice.map(dict(enumerate(world.task("speaker").answers)))
mtl.show.bars(table, "score", ["voice", "arm"], unit="%", title="Kind of prompt, by a voice that training has not heard")

# %% [markdown]
# **Sharing:** +1.4 points, and not decided. The interval ends close to 0; had it ended as close on the other side, we would not lean
# on it either, and more seeds make no fifth voice. (Against the network alone *without* weight decay it is +2.5, and supported. So the
# shrunk one, our claim of beforehand, stands here. *Soft*: +0.7, undecided.)
#
# **The random split** flatters by 3.5 points: it has heard the voice, and with it most often the language and the microphone. Which
# of them pays, these data cannot tell. Where the test is of known voices, the number is right, and
# speaks of known voices.
#
# **The stopwatch** wins by 2.2 points. Why, we have not tested. The network's epochs, too, were chosen on voices that it knew. And
# the four runs, one a voice held out, share training voices: the interval counts them as independent, and may be too narrow.
#
# <!-- stated: helps undecided +1.4 -->
# <!-- stated: compare("-",new["Soft"],new["Alone,\x20shrunk"]) undecided +0.7 -->
# <!-- stated: compare("-",new["Hard"],new["Separate"]) supported -->
# <!-- stated: 100*compare("-",new["Hard"],new["Separate"]).mean = 2.5 -->
# <!-- stated: flatters supported +3.5 -->
# <!-- stated: beats contradicted -2.2 -->
# <!-- stated: compare("-",new["Separate"],new["stopwatch"]) contradicted -->
# <!-- stated: compare("-",new["Alone,\x20shrunk"],new["stopwatch"]) contradicted -->
#
# ## Does a *speaker* network know the language?
#
# Allison is the only voice who can tell. A network learns to name the speaker, and never hears of languages; a linear probe then reads
# *English or Spanish* from its $h$, on her clips alone.

# %%
seeds, prompts = (bank.load(f"field_speech_heard{ending}") for ending in ("", "_prompts"))
told, own = ({source: part.set_index(key).score for source, part in table.groupby("source")}
             for table, key in ((seeds, "seed"), (prompts, "prompt")))
by_seed = mtl.claim("the speaker's h tells more than an untrained one", told["speaker"], told["untrained"], unit="%")
by_prompt = mtl.claim("… of new prompts, too", told["speaker"], told["untrained"], groups=(own["speaker"], own["untrained"]), unit="%")
mtl.show.bars(seeds, "score", "source", unit="%", title="English or Spanish? Read from Allison's clips")

# %% [markdown]
# The speaker's $h$ tells 4.5 points more than an untrained one. Over seeds alone the claim is supported, over the 74 prompts as well it
# is undecided: one result, two units. And plain log-mels, the picture itself, are not shown to tell less than any $h$ here.
#
# <!-- stated: by_seed supported +4.5 -->
# <!-- stated: by_prompt undecided -->
# <!-- stated: len(own["speaker"]) = 74 -->
# <!-- stated: mtl.claim("-",told["speaker"],told["log-mels"]) undecided -->
# <!-- stated: mtl.claim("-",told["language"],told["log-mels"]) undecided -->
#
# The other way round cannot be asked: whether a network that names *Italian* knows Italian, or Carlo, or his microphone. No split of
# these data tells; it takes a second voice in Italian.
#
# ## What we saw
#
# - Hold out what will be new: a voice. A split by row had heard it, and flattered by 3.5 points.
# - With four voices, help from *who* and *which language* is not decided, and a stopwatch beats each network that has not heard the voice.
# - Voice, language and microphone come together here. What comes together in all the data, no network can take apart.
#
# **The essay's speech tasks** are transcription, speaker and emotion. *Speaker* is here; *kind* stands for what was said, from far.
# Transcription needs hours of speech, and emotion needs actors or listeners; we know of no such set that a course may bundle.
#
# **Read on.** Snyder et al. 2018, "X-vectors: robust DNN embeddings for speaker recognition"; Raj et al. 2019, "Probing the information
# encoded in x-vectors". Sounds: Allison Smith, June Wallack (CC BY-SA 3.0), Carlo Flora, Maxim Topal (CC BY 3.0): see data/voices/README.md.
