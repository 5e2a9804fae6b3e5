"""Named exceptions: `rule path: reason`, one a line. One that nothing needs is a finding itself."""
from .tree import Finding

LIST = "scripts/lint_rules/allowed.txt"


def read(tree):
    """{(rule, path): line number}, and findings for lines that are no exception."""
    entries, findings = {}, []
    if not tree.exists(LIST):
        return entries, findings
    for number, line in enumerate(tree.text(LIST).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        head, _, reason = line.partition(": ")
        words = head.split()
        if len(words) != 2 or not reason.strip():
            findings.append(Finding(LIST, number, "allow", "wants `rule path: reason`"))
        else:
            entries[tuple(words)] = number
    return entries, findings


def filter_findings(tree, findings):
    """Takes out what is allowed and adds what is wrong with the list."""
    entries, bad = read(tree)
    used = {(f.rule, f.path) for f in findings}
    kept = [f for f in findings if (f.rule, f.path) not in entries]
    if tree.whole:
        bad += [Finding(LIST, number, "allow", f"nothing in {path} needs `{rule}` any more")
                for (rule, path), number in entries.items() if (rule, path) not in used]
    return kept + bad
