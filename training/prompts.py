"""What people may type for a style: names for it, put into sentences of many shapes."""

import random

NAMES: dict[str, tuple[str, ...]] = {
    "pencil sketch": (
        "pencil sketch", "pencil drawing", "sketch", "graphite drawing", "hand-drawn sketch", "charcoal sketch",
        "black and white pencil sketch", "drawing with a pencil", "line sketch on white paper",
    ),
    "sepia": (
        "sepia film", "sepia photograph", "old film", "vintage photo", "old photograph", "antique sepia picture",
        "silent movie", "faded brown photograph", "old-time western photo",
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
        "neon edges", "neon lights", "glowing neon outlines", "neon sign", "cyberpunk neon", "tron lines",
        "glowing contours in the dark", "synthwave neon",
    ),
    "comic": (
        "comic book", "comic", "cartoon", "graphic novel", "pop art", "comic strip", "manga in colour",
        "superhero comic with black outlines",
    ),
    "oil painting": (
        "oil painting", "oil on canvas", "painting with thick brush strokes", "impressionist painting", "old master",
        "painted portrait", "renaissance painting", "painting by Rembrandt",
    ),
    "watercolour": (
        "watercolour", "watercolor painting", "watercolour painting", "aquarelle", "pale watercolor wash",
        "soft watercolor on paper", "light wash of water colours",
    ),
    "blueprint": (
        "blueprint", "technical blueprint", "cyanotype", "architect's drawing", "white lines on blue paper",
        "engineering drawing on blue paper", "chalk on a blue board",
    ),
    "golden hour": (
        "golden hour", "warm sunset light", "sunset", "warm evening sun", "teal and orange film", "golden sunlight",
        "cinematic warm colours", "late summer afternoon light",
    ),
}  # fmt: skip

TEMPLATES = (
    "{}", "a {}", "{} style", "as a {}", "in the style of a {}", "make it a {}", "make it look like a {}",
    "turn this into a {}", "turn the picture into a {}", "show me as a {}", "{}, detailed", "a detailed {}",
    "a beautiful {} of the scene", "the same scene as a {}", "convert to {}", "like a {}", "{} look", "{} effect",
    "render it as {}", "I want a {}", "a {} of a person", "a {} of a room", "please draw this as a {}",
    "change the video to a {}", "apply a {} filter",
)  # fmt: skip

NO_EDIT = (
    "no edit", "none", "no change", "keep it as it is", "leave it unchanged", "the original", "original video",
    "do nothing", "as it is", "unchanged", "without any effect", "no filter", "natural", "normal", "plain picture",
    "just the camera", "a realistic photo", "photorealistic", "keep the original colours",
)  # fmt: skip

# Words that name no style: a prompt of them alone means no edit, and beside a style's name they change nothing.
FILLER = (
    "cat", "dog", "tree", "house", "person", "woman", "man", "child", "smiling", "running", "happy", "city", "street",
    "garden", "sky", "blue", "red", "big", "small", "very", "nice", "quality", "sharp", "window", "table", "music",
    "dance", "winter", "forest", "river", "mountain", "robot", "castle", "dragon", "ocean", "bird", "hello", "world",
    "something", "with", "and", "the", "of", "in", "at", "under", "over", "four", "seven", "abstract", "bright", "new",
)  # fmt: skip


def draw(style: str, rng: random.Random) -> str:
    """A random prompt for the style, as varied as people's."""
    if style == "none":
        text = rng.choice(NO_EDIT) if rng.random() < 0.5 else " ".join(rng.choices(FILLER, k=rng.randint(1, 6)))
    else:
        text = rng.choice(TEMPLATES).format(rng.choice(NAMES[style]))
        if rng.random() < 0.25:
            extra = " ".join(rng.choices(FILLER, k=rng.randint(1, 3)))
            text = f"{text}, {extra}" if rng.random() < 0.5 else f"{extra}, {text}"
    return text.capitalize() if rng.random() < 0.3 else text
