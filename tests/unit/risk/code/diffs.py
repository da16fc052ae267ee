"""Small unified diffs for the tests of the code-change reader."""


def diff_of(*files, message=""):
    """Each file: (path, added lines) or (path, added lines, deleted lines)."""
    return message + "".join(_file(*file) for file in files)


def _file(path, added=(), deleted=()):
    hunk = f"@@ -{int(bool(deleted))},{len(deleted)} +1,{len(added)} @@\n"
    body = "".join(f"-{line}\n" for line in deleted) + "".join(f"+{line}\n" for line in added)
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{hunk}{body}"
