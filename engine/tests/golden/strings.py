"""The 500 texts whose token ids are compared: short enough to read, odd enough to matter."""

ENGLISH = """
|Hello
|Hello world
|Hello, world!
| Hello
|  Hello
|Hello 
|Hello  
|The quick brown fox jumps over the lazy dog.
|THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG
|tHe QuIcK bRoWn FoX
|antidisestablishmentarianism
|Supercalifragilisticexpialidocious
|a
|I
|aaaaaaaaaaaaaaaaaaaaaaaa
|It was the best of times, it was the worst of times, it was the age of wisdom...
|Wait... what?! No way!!! (Really?) [Yes] {sure} <ok>
|e.g. i.e. etc. vs. Mr. Mrs. Dr. St. U.S.A. a.m. p.m.
|well-known state-of-the-art mother-in-law
|"Quoted" 'single' `back` “curly” ‘single’ «guillemets» „low“
|em—dash en–dash minus−sign hyphen-minus figure‒dash
|ellipsis… bullet • section § pilcrow ¶ dagger † double ‡
|cannot can not can't cant
|Penstock: a tube that carries water to a turbine
|user@example.com https://example.com/path?query=1&other=two#fragment
|/usr/local/bin/python3 C:\\\\Windows\\\\System32 ~/dotfiles/.bashrc
|snake_case camelCase PascalCase kebab-case SCREAMING_SNAKE dot.case
|x=1;y=2;z=x+y
|$100 €50 £20 ¥1000 ₹500 ₿0.01 ¢99
|50% off! #winning @someone &c. *starred* ~tilde~ ^caret^
|A/B testing and/or either/or 24/7
|Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.
|New York-based co-operative re-entered the pre-existing ex-president's office
|one two  three   four    five     six
|!@#$%^&*()_+-=[]{}|;':",./<>?
|?
|.
|..
|...
|....
|,,,,
|----------
|==========
|##########
|**********
|__________
|/////
|\\\\\\\\
|((()))
|<<<>>>
|the the the the the
|Is this it? Yes. Is it? No.
|What is the capital of France?
|Write a haiku about the sea, then explain it in one sentence.
|Once upon a time, in a land far, far away,
|naïve café résumé façade coöperate
|Mr. O'Neill-Smith Jr., Ph.D., CEO & co-founder
|ALLCAPS lowercase MiXeD 1st-rate
|Yes/no/maybe; true|false|unknown
|To be, or not to be: that is the question
"""

CONTRACTIONS = """
|I'm you're he's she'll we've they'd it's
|I'M YOU'RE HE'S SHE'LL WE'VE THEY'D IT'S
|I’m you’re he’s she’ll we’ve they’d it’s
|don't won't can't shouldn't wouldn't ain't
|'s
|'t 're 've 'm 'll 'd
| 's 't 're
|'Tis the season; 'twas the night
|rock 'n' roll
|O'Reilly's books aren't D'Artagnan's
|y'all'd've
|John's, James's, the dogs' bowls
|'sup
|it 's odd
|don''t
|can ' t
|'ll'll'll
|ma'am o'clock
|l'homme aujourd'hui qu'est-ce que c'est
|dell'arte un'amica
"""

DIGITS = """
|0
|1
|12
|123
|1234
|12345
|123456
|1234567890
|0123456789
|3.14159
|3,141.59
|1e10 1E-10 1.5e+3
|0x1F 0b1010 0o777
|2024-01-31
|31/12/1999
|12:34:56.789
|+1 (555) 123-4567
|192.168.0.1
|::1 fe80::1%eth0
|v1.2.3-rc.4+build.5
| 1 2 3
|  12
|1 000 000
|1_000_000
|1st 2nd 3rd 4th
|abc123def456
|123abc
|½ ¼ ¾ ⅓ ⅔
|x² + y³ = z⁴
|H₂O CO₂ C₆H₁₂O₆
|Ⅰ Ⅱ Ⅲ Ⅳ Ⅻ
|①②③④⑤ ❶❷❸ ⓪
|٠١٢٣٤٥٦٧٨٩
|۰۱۲۳۴۵۶۷۸۹
|०१२३४५६७८९
|০১২৩৪৫৬৭৮৯
|๐๑๒๓๔๕๖๗๘๙
|０１２３４５６７８９
|一二三四五六七八九十百千万
|𝟎𝟏𝟐𝟑 𝟘𝟙𝟚 𝟬𝟭𝟮
|1١2٢3३
|99 bottles of beer, 98 bottles of beer
|1.000.000,00
|-1 +1 ±1 −1
|1/2 3/4
|2^10=1024
|π≈3.14159265358979
|0.1+0.2=0.30000000000000004
|NaN Infinity -Infinity
|1,2;3:4
"""

SCRIPTS = """
|Ĝis revido, ĉu vi parolas Esperanton?
|Příliš žluťoučký kůň úpěl ďábelské ódy
|Zażółć gęślą jaźń
|Falsches Üben von Xylophonmusik quält jeden größeren Zwerg
|Straße STRASSE ẞ ß
|Voix ambiguë d'un cœur qui au zéphyr préfère les jattes de kiwis
|El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba
|À noite, vovô Kowalsky vê o ímã cair no pé do pinguim queixoso
|Høj bly gom vandt fræk sexquiz på wc
|Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa
|Törkylempijävongahdus
|Árvíztűrő tükörfúrógép
|Pijamalı hasta yağız şoföre çabucak güvendi
|İstanbul ISTANBUL ıstanbul istanbul
|Muzicologă în bej vând whisky și tequila, preț fix
|Sarkanās jūrascūciņas peld pa jūru
|Tiếng Việt có dấu: ắ ằ ẳ ẵ ặ
|Съешь же ещё этих мягких французских булок, да выпей чаю
|Жебракують філософи при ґанку церкви в Гадячі
|Ах чудна българска земьо, полюшвай цъфтящи жита
|Љубазни фењерџија чађавог лица
|Ξεσκεπάζω την ψυχοφθόρα βδελυγμία
|Ὀδυσσεύς ἄνδρα μοι ἔννεπε, μοῦσα
|דג סקרן שט בים מאוכזב ולפתע מצא חברה
|שָׁלוֹם עֲלֵיכֶם
|نص حكيم له سر قاطع وذو شأن عظيم
|بِسْمِ اللَّهِ الرَّحْمٰنِ الرَّحِيمِ
|پاکستان زندہ باد، یہ اردو ہے
|سلام دنیا! این یک آزمایش است.
|می‌خواهم بروم
|ऋषियों को सताने वाले दुष्ट राक्षसों के राजा
|नमस्ते दुनिया
|क्षत्रिय ज्ञान श्री
|আমার সোনার বাংলা, আমি তোমায় ভালোবাসি
|ਪੰਜਾਬੀ ਭਾਸ਼ਾ
|ગુજરાતી ભાષા
|தமிழ் மொழி இனிமையானது
|తెలుగు భాష
|ಕನ್ನಡ ಭಾಷೆ
|മലയാളം ഭാഷ
|සිංහල භාෂාව
|ภาษาไทยไม่มีช่องว่างระหว่างคำ
|เป็นมนุษย์สุดประเสริฐเลิศคุณค่า
|ພາສາລາວ
|မြန်မာဘာသာ
|ភាសាខ្មែរ
|བོད་ཡིག
|ქართული ენა
|Հայերեն լեզու
|አማርኛ ቋንቋ
|ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ
|ᐃᓄᒃᑎᑐᑦ
|你好，世界
|天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。
|我能吞下玻璃而不伤身体。
|繁體中文與简体中文
|中文English混合123测试
|こんにちは世界
|いろはにほへと ちりぬるを
|カタカナとひらがなと漢字
|ｶﾀｶﾅ ﾊﾝｶｸ
|東京特許許可局（とうきょうとっきょきょかきょく）
|안녕하세요 세계
|키스의 고유조건은 입술끼리 만나야 하고
|ㄱㄴㄷㄹ ㅏㅑㅓㅕ
|한국어와English그리고123
|ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ
|Монгол хэл
|𐎠𐎡𐎢 𒀀𒀁𒀂 𓀀𓀁𓀂
|𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝓢𝓬𝓻𝓲𝓹𝓽 𝕄𝕒𝕥𝕙
|𠜎𠜱𠝹𠱓 㐀㐁 豈更車
|ʻŌlelo Hawaiʻi
|Ɛʋɛgbɛ Yorùbá Hausa Igbo ọ̀nà
|Kiswahili sanifu
|Bahasa Indonesia dan Melayu
|Māori reo kupu
|IPA: ˈɪntəˌnæʃənəl fəˈnɛtɪk
|Ænglisc ƿæs þæt spræċ
"""

EMOJI = """
|😀
|😀😃😄😁
|Hello 👋 world 🌍!
|👨‍👩‍👧‍👦
|👩🏽‍🚀👨🏿‍🔬🧑🏻‍🎨
|🏳️‍🌈🏴‍☠️🏴󠁧󠁢󠁳󠁣󠁴󠁿
|🇩🇪🇫🇷🇯🇵🇺🇸🇬🇧
|🇩
|❤️ ❤ ❤︎ 💔
|☺️☹️✌🏾
|1️⃣2️⃣3️⃣#️⃣*️⃣
|🤷‍♀️🤦🏼‍♂️
|👍👍🏻👍🏼👍🏽👍🏾👍🏿
|🧑‍🤝‍🧑👭🏽
|🫠🫡🫥🪿🫎
|a😀b😀c
|😀 😀  😀
|🙈🙉🙊text🙈
|⏰⌚️⏳☎️
|→←↑↓⇒⇔
|♠♥♦♣ ♔♕♖
|☀☁☂☃★☆
|✓✔✗✘
|▁▂▃▄▅▆▇█
|┌─┬─┐│ │└─┴─┘
|∀x∈ℝ: ⌈x⌉ = −⌊−x⌋
|∑∏∫√∞≠≤≥≈
|α∧β∨¬γ→δ
|©®™℠№℗
|�
|a�b
"""

CODE = """
|def f(x):\\n    return x + 1\\n
|def f(x):\\n\\treturn x + 1\\n
|for (int i = 0; i < n; ++i) { sum += a[i]; }
|fn main() {\\n    println!("Hello, {}!", name);\\n}
|if (a && b || !c) { return a ?? b?.c; }
|SELECT * FROM users WHERE id = 42 AND name LIKE '%bob%';
|<div class="a" id='b'>text &amp; more</div>
|{"key": "value", "list": [1, 2, 3], "nested": {"a": null}}
|#!/bin/bash\\nset -euo pipefail\\necho "$HOME" | grep -v '^#'
|git commit -m "fix: thing" && git push --force-with-lease
|const f = async (x) => { await g(x); };
|import numpy as np\\nimport torch\\n\\nx = np.zeros((3, 4))
|x = lambda y: y**2 if y > 0 else -y
|std::vector<std::pair<int, std::string>> v;
|SGVsbG8gV29ybGQ= YWJjZGVm
|deadbeefcafebabe0123456789abcdef
|550e8400-e29b-41d4-a716-446655440000
|\\\\frac{a}{b} + \\\\sum_{i=0}^{n} x_i^2
|/* comment */ // line\\n# hash
|a->b.c::d[e](f)<g>{h}
|printf("%d %s\\\\n", 1, "a");
|-- Lua comment\\nlocal t = {1,2,3}
|    indented\\n        more\\n            most
|if True:\\n    if True:\\n        pass\\n    else:\\n        pass
|\\t\\t\\ttabs
|key=value\\nother=thing\\n\\n[section]\\n
|- item\\n- item\\n  - nested\\n1. one\\n2. two
|# Title\\n\\n## Sub\\n\\n**bold** _it_ `code` [l](u)
|```python\\nprint(1)\\n```
|| a | b |\\n|---|---|\\n| 1 | 2 |
|0xDEADBEEF & ~0x0F >> 2 << 3 ^ 1
|<?php echo $a['b']; ?>
|regex: ^(?:a|b)*\\\\d{2,3}[^x-z]$
|x != y, x == y, x === y, x <= y, x >= y, x <=> y
|a+=1;b-=1;c*=2;d/=2;e%=2
"""

SPACES = [
    "", " ", "  ", "   ", "    ", "     ", " " * 8, " " * 15, " " * 16, " " * 17, " " * 33,
    "\t", "\t\t", "\t\t\t\t", " \t", "\t ", " \t \t ", "\n", "\n\n", "\n\n\n", "\n\n\n\n\n",
    "\r", "\r\n", "\r\n\r\n", "\n\r", "\r\r", "\n \n", " \n", "\n ", " \n ", "\t\n", "\n\t",
    "a\nb", "a\r\nb", "a\rb", "a\n\nb", "a \nb", "a\n b", "a  \n  b", "a\tb", "a\t\tb", "a \tb",
    "a\t b", "a  b", "a   b", "a    b", "a" + " " * 20 + "b", "a\n", "a\n\n", "\na", "\n\na",
    "a ", "a  ", " a", "  a", "   a", " a ", "a\u00a0b", "\u00a0", "\u00a0\u00a0a", "a\u2003b",
    "a\u2009b", "a\u3000b", "\u3000\u3000全角", "a\u202fb", "a\u205fb", "a\u1680b", "a\u2028b",
    "a\u2029b", "a\u0085b", "a\u000bb", "a\u000cb", "\x1c\x1d\x1e\x1f", "line one\nline two\n",
    "line one\r\nline two\r\n", "  leading\n    more\n  less\n", "trailing   \ntrailing\t\n",
    "para one.\n\npara two.\n\n\npara three.", "a \u00a0 b", " \u2003 ", "\ufeffBOM", "mid\ufeffdle",
]

ODD = [
    "\x00", "a\x00b", "\x01\x02\x03", "\x07\x08", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x81\x9f",
    "e\u0301", "\u00e9", "e\u0301\u0301\u0301", "a\u0300\u0301\u0302\u0303\u0304", "\u0301",
    "\u0301abc", " \u0301", "Z\u0351\u036b\u0343a\u0321l\u0348g\u0337o\u0334", "n\u0303 \u00f1",
    "A\u030a \u00c5 \u212b", "\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", "\u0958 \u0915\u093c",
    "\u200b", "zero\u200bwidth", "zero\u200cwidth", "zero\u200dwidth", "\u200d\u200d", "\u2060word",
    "soft\u00adhyphen", "\u200eLTR\u200f RTL", "\u202eoverride\u202c", "\u2066isolate\u2069",
    "abc אבג def", "مرحبا Hello مرحبا", "100 שקל", "(עברית)", "\ufe0f", "\ufffd\ufffd", "\ufffe",
    "\uffff", "\ue000\uf8ff", "\U000f0000", "\U0010ffff", "\U0001f1e9", "\U000e0041", "ﬁ ﬂ ﬃ",
    "Ǆ ǅ ǆ", "İ i̇ ı", "ſ ẛ", "ΐ ΰ", "ŉ ǰ", "Ω Ω K K", "…‥․", "‱ ‰", "〒〠〶", "㎏㎡㏄", "㍿㋿",
    "ａｂｃＡＢＣ", "！＂＃＄％", "ᴀʙᴄ", "ⒶⒷⒸ", "𝒜𝒷𝒸", "🅰🅱", "\u0378", "\u2fe0", "ꙮ", "﷽", "𒐫", "⸻",
    "'\u0301s", "1\u0301", "a1\u03012", "\u064b\u064c", "กำ", "\u0e33", "क्\u200dष", "\u0dca\u200dර",
]

SPECIAL = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n",
    "<|im_start|>assistant\n", "a<|im_end|>b", "a <|im_end|> b", "<|im_end|><|im_end|>",
    "<|im_end|> <|im_end|>", "<|im_end|>\n\n<|im_start|>", "<|im_end", "|im_end|>", "<|im_end|",
    "< |im_end|>", "<|IM_END|>", "<|im_end|>>", "<<|im_end|>", "<repo_name>", "<reponame>x",
    "<file_sep>", "<filename>a.py", "<gh_stars>100", "<issue_start>t<issue_comment>c<issue_closed>",
    "<jupyter_start><jupyter_text>x<jupyter_code>1<jupyter_output>1", "<jupyter_script>",
    "<empty_output>", "<s>", "</s>", "<unk>", "<pad>", "[INST] x [/INST]", "<|eot_id|>",
    "<|begin_of_text|>", "<0x0A>", "\u2581Hello", "Ġhello", "Ċ", "Ã©", "don't <|im_end|>'s",
    "12<|im_end|>34", "  <|im_start|>  ", "\n<|im_end|>\n", "é<|im_end|>é", "😀<|im_start|>😀",
    "<|endoftext|><|endoftext|>text",
]

LONG = [
    "a" * 300, "ab" * 200, "word " * 150, "1" * 200, "!" * 200, " " * 200, "\n" * 100, "\t" * 100,
    "=" * 150, "-" * 150, "中" * 100, "é" * 120, "😀" * 60, "А" * 120, "ab1 " * 80, "\r\n" * 80,
    "a\n" * 80, " a" * 100, "  a" * 80, "x" * 100 + " " * 100 + "y" * 100, "\u0301" * 60,
    "AbCdEfGhIj" * 30, "the cat sat on the mat. " * 20, "&nbsp;" * 40, "\\n" * 60,
]


def lines(block):
    r"""The lines after their first `|`, with \n, \t and \\ unescaped."""
    texts = [line[1:] for line in block.split("\n") if line.startswith("|")]
    unescape = {"n": "\n", "t": "\t", "\\": "\\"}
    for text in texts:
        out, characters = "", iter(text)
        for character in characters:
            out += unescape[next(characters)] if character == "\\" else character
        yield out


def strings():
    """All texts, by category, each once."""
    blocks = {
        "english": lines(ENGLISH),
        "contractions": lines(CONTRACTIONS),
        "digits": lines(DIGITS),
        "scripts": lines(SCRIPTS),
        "emoji": lines(EMOJI),
        "code": lines(CODE),
        "spaces": SPACES,
        "odd": ODD,
        "special": SPECIAL,
        "long": LONG,
    }
    seen = set()
    for category, texts in blocks.items():
        for text in texts:
            if text not in seen:
                seen.add(text)
                yield category, text
