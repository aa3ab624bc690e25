"""Training prompts: names of each style, put into sentence templates."""

import random
import string

NAMES: dict[str, tuple[str, ...]] = {
    "pencil sketch": (
        "pencil sketch", "pencil drawing", "sketch", "graphite drawing", "hand-drawn sketch", "charcoal sketch",
        "black and white pencil sketch", "drawing with a pencil", "line sketch on white paper",
    ),
    "sepia film": (
        "sepia film", "old sepia film", "sepia photograph", "old film", "vintage photo", "old photograph",
        "antique sepia picture", "silent movie", "faded brown photograph", "old-time western photo",
    ),
    "thermal": (
        "thermal camera", "heat map", "thermal image", "infrared heat camera", "heat vision", "thermal imaging",
        "predator vision", "false colour heat picture",
    ),
    "night vision": (
        "night vision", "night vision goggles", "green night scope", "military night vision", "green phosphor screen",
        "night scope footage", "green surveillance camera",
    ),
    "neon": (
        "neon edges", "glowing neon edges", "neon lights", "glowing neon outlines", "neon sign", "cyberpunk neon",
        "tron lines", "glowing contours in the dark", "neon signs at night",
    ),
    "comic": (
        "comic book", "comic", "cartoon", "graphic novel", "inked comic", "comic strip", "manga in colour",
        "superhero comic with black outlines", "comic book with black outlines",
    ),
    "oil painting": (
        "oil painting", "oil on canvas", "painting with thick brush strokes", "impressionist painting", "old master",
        "painted portrait", "renaissance painting", "painting by Rembrandt",
    ),
    "watercolour": (
        "watercolour", "watercolor painting", "watercolour painting", "aquarelle", "pale watercolor wash",
        "soft watercolor on paper", "light wash of water colours",
    ),
    "golden hour": (
        "golden hour", "warm golden hour light", "warm sunset light", "sunset", "warm evening sun", "golden sunlight",
        "teal and orange film", "cinematic warm colours", "late summer afternoon light",
    ),
    "cyanotype": (
        "cyanotype", "blueprint", "cyanotype print", "blue and white print", "Prussian blue photograph",
        "blue monochrome", "sun print on blue paper", "blue duotone",
    ),
    "film noir": (
        "film noir", "black and white film", "black and white photograph", "noir movie", "high contrast monochrome",
        "monochrome detective film", "dramatic black and white", "grayscale photo", "greyscale",
    ),
    "moonlight": (
        "moonlight", "night scene", "moonlit night", "day for night", "cold blue night", "dark blue moonlight",
        "at midnight", "under a full moon",
    ),
    "pop art": (
        "pop art", "pop art print", "screen print", "silkscreen print", "Warhol print", "painting by Andy Warhol",
        "bold posterised colours", "four colour poster",
    ),
    "pixel art": (
        "pixel art", "8-bit video game", "retro game graphics", "16-bit game", "large square pixels",
        "pixelated picture", "old computer game", "arcade game pixels",
    ),
    "vaporwave": (
        "vaporwave", "synthwave", "pink and cyan", "retrowave", "vaporwave aesthetic", "80s pink and purple",
        "outrun colours", "purple and pink duotone",
    ),
}  # fmt: skip

TEMPLATES = (
    "{}", "a {}", "{} style", "as a {}", "in the style of a {}", "make it a {}", "make it look like a {}",
    "turn this into a {}", "turn the picture into a {}", "show me as a {}", "{}, detailed", "a detailed {}",
    "a beautiful {} of the scene", "the same scene as a {}", "convert to {}", "like a {}", "{} look", "{} effect",
    "render it as {}", "I want a {}", "a {} of a person", "a {} of a room", "please draw this as a {}",
    "change the video to a {}", "apply a {} filter",
)  # fmt: skip

MIX_TEMPLATES = (
    "{} and {}", "a {} and a {}", "half {}, half {}", "a mix of {} and {}", "{} meets {}", "{}, {}", "{} with {}",
    "a blend of {} and {}",
)  # fmt: skip

NO_EDIT = (
    "no edit", "none", "no change", "keep it as it is", "leave it unchanged", "the original", "original video",
    "do nothing", "as it is", "unchanged", "without any effect", "no filter", "natural", "normal", "plain picture",
    "just the camera", "a realistic photo", "photorealistic", "keep the original colours",
)  # fmt: skip

# Words without a style: a prompt of only these means no edit; next to a style's name they have no effect.
FILLER = (
    "cat", "dog", "tree", "house", "person", "woman", "man", "child", "smiling", "running", "happy", "city", "street",
    "garden", "sky", "blue", "red", "big", "small", "very", "nice", "quality", "sharp", "window", "table", "music",
    "dance", "winter", "forest", "river", "mountain", "robot", "castle", "dragon", "ocean", "bird", "hello", "world",
    "something", "with", "and", "the", "of", "in", "at", "under", "over", "four", "seven", "abstract", "bright", "new",
)  # fmt: skip


def draw_prompt(style: str, rng: random.Random) -> str:
    """A random prompt for the style."""
    if style == "no edit":
        text = rng.choice(NO_EDIT) if rng.random() < 0.5 else _filler(rng, 6)
    else:
        text = rng.choice(TEMPLATES).format(rng.choice(NAMES[style]))
        if rng.random() < 0.25:
            extra = _filler(rng, 3)
            text = f"{text}, {extra}" if rng.random() < 0.5 else f"{extra}, {text}"
    return text.capitalize() if rng.random() < 0.3 else text


def draw_mixed_prompt(first: str, second: str, rng: random.Random) -> str:
    """A prompt that names two styles."""
    names = [rng.choice(NAMES[style]) for style in (first, second)]
    return rng.choice(MIX_TEMPLATES).format(*names)


def _filler(rng: random.Random, max_words: int) -> str:
    """Words without a style: known ones and random letter sequences."""
    return " ".join(
        rng.choice(FILLER) if rng.random() < 0.7 else "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9)))
        for _ in range(rng.randint(1, max_words))
    )
