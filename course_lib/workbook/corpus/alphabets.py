"""Which languages an old encoding was used for, and the letters beyond a–z that they write.

Bytes of an old 8-bit encoding can be decoded with every other one too; only the result tells
whether it was the right one. It was, when the language of the result is one that people wrote
in that encoding, and its letters are letters of that language.
"""

KANJI = r"\u2e80-\u2fdf\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
CYRILLIC = r"а-яё"
# Lower-case letters as a regular-expression class, by ISO 639-1 code. Letters of common
# foreign names and words are included where a language borrows them.
LETTERS = {
    "de": "äöüßéèàçêôáñ",
    "en": "éèêëïöüñçàâáíóôœæ",
    "fr": "àâæçéèêëîïôœùûüÿñöä",
    "es": "áéíóúüñçªº",
    "pt": "áâãàçéêíóôõúüªº",
    "it": "àèéìíîòóùúªº",
    "nl": "áéíóúàèëïöüçâêîôû",
    "ca": "àçèéíïòóúüªº",
    "gl": "áéíóúüñªº",
    "eu": "ñçü",
    "da": "æøåéáóüöä",
    "no": "æøåéèêóòôäöü",
    "nb": "æøåéèêóòôäöü",
    "nn": "æøåéèêóòôäöü",
    "sv": "åäöéàüèæø",
    "fi": "äöåéšžü",
    "is": "áéíóúýðþæö",
    "fo": "áíóúýðæø",
    "ga": "áéíóú",
    "af": "áéèêëíîïóôöúûü",
    "pl": "ąćęłńóśźżéöü",
    "cs": "áčďéěíňóřšťúůýžöü",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "hu": "áéíóöőúüű",
    "ro": "ăâîșțşţé",
    "hr": "čćđšžé",
    "sl": "čšžćđé",
    "bs": "čćđšž",
    "sq": "ëç",
    "tr": "çğıöşüâîûi̇é",
    "lt": "ąčęėįšųūžéö",
    "lv": "āčēģīķļņšūžōŗé",
    "et": "äöüõšžé",
    "ru": CYRILLIC,
    "uk": CYRILLIC + "іїєґ",
    "be": CYRILLIC + "іў",
    "bg": CYRILLIC,
    "sr": CYRILLIC + "ђјљњћџ",
    "mk": CYRILLIC + "ѓѕјљњќџ",
    "el": r"\u0370-\u03ff",
    "he": r"\u0590-\u05ff",
    "ar": r"\u0600-\u06ff",
    "fa": r"\u0600-\u06ff",
    "ur": r"\u0600-\u06ff",
    "th": r"\u0e00-\u0e7f",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạ-ỹ",
    "ja": KANJI + r"\u3040-\u30ff",
    "zh": KANJI + r"\u3100-\u312f",
    "ko": KANJI + r"\u3130-\u318f\uac00-\ud7af\u1100-\u11ff",
}

WESTERN = [
    "de",
    "en",
    "fr",
    "es",
    "pt",
    "it",
    "nl",
    "ca",
    "gl",
    "eu",
    "da",
    "no",
    "nb",
    "nn",
    "sv",
    "fi",
    "is",
    "fo",
    "ga",
    "af",
    "sq",
]
CENTRAL = ["pl", "cs", "sk", "hu", "ro", "hr", "sl", "bs", "sq", "de"]
SLAVIC = ["ru", "uk", "be", "bg", "sr", "mk"]
NATIONAL = [language for language in WESTERN if language != "en"]
# Encodings of Latin letters. Where two give the same text the first is named. The rare ones of
# DOS and the old Macintosh need the letters of a language that has many beyond a-z.
LATIN = {
    "cp1252": WESTERN,
    "iso8859_15": WESTERN,
    "mac_roman": NATIONAL,
    "cp850": NATIONAL,
    "cp1250": CENTRAL,
    "iso8859_2": CENTRAL,
    "cp852": CENTRAL,
    "mac_latin2": CENTRAL,
    "cp1254": ["tr"],
    "cp1257": ["lt", "lv", "et"],
}
OTHERS = {
    "cp1251": SLAVIC,
    "koi8_r": ["ru"],
    "koi8_u": ["uk"],
    "iso8859_5": SLAVIC,
    "cp866": SLAVIC,
    "cp1253": ["el"],
    "iso8859_7": ["el"],
    "cp1255": ["he"],
    "iso8859_8": ["he"],
    "cp1256": ["ar", "fa", "ur"],
    "iso8859_6": ["ar"],
    "cp874": ["th"],
    "cp1258": ["vi"],
    "cp932": ["ja"],
    "euc_jp": ["ja"],
    "gb18030": ["zh"],
    "big5": ["zh"],
    "big5hkscs": ["zh"],
    "cp949": ["ko"],
    "johab": ["ko"],
}
ENCODINGS = {**LATIN, **OTHERS}
