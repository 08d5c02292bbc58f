"""killall [-SIGNAL] NAME..."""

import _signal  # type: ignore[import-not-found]
import os
import sys

number: int | None = 15
names = []
for word in sys.argv[1:]:
    if word.startswith("-") and len(word) > 1 and word != "-q":
        text = word[1:].upper()
        number = int(text) if text.isdigit() else getattr(_signal, "SIG" + text.removeprefix("SIG"), None)
        if number is None:
            sys.exit("killall: bad signal name '%s'" % word[1:])
    elif word != "-q":
        names.append(word)
code = 0
for wanted in names:
    hit = False
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        try:
            with open("/proc/%d/comm" % pid) as file:
                same = file.read().strip() == wanted[:15]
            if same and pid != os.getpid():
                os.kill(pid, int(number))  # type: ignore[arg-type]
                hit = True
        except OSError:
            continue
    if not hit:
        sys.stderr.write("killall: %s: no process killed\n" % wanted)
        code = 1
sys.exit(code)
