"""A place among the tokens of one statement, and the few ways to move on from it."""

from collections.abc import Sequence

from controlplane.risk.sql.lex import Token

_PAST = Token("sign", "", "", -1)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class Cursor:
    """Reading past the end answers with an empty token: nothing here raises."""

    __slots__ = ("at", "exact", "tokens")

    def __init__(self, tokens: Sequence[Token], *, exact: bool) -> None:
        """`exact`: quoted names keep their case (PostgreSQL); else no case counts at all."""
        self.tokens = tokens
        self.at = 0
        self.exact = exact

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    @property
    def start(self) -> int:
        index = min(self.at, len(self.tokens) - 1)
        return self.tokens[index].start if self.tokens else 0

    def peek(self, ahead: int = 0) -> Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else _PAST

    def ahead(self, count: int) -> Sequence[Token]:
        return self.tokens[self.at : self.at + count]

    def sees(self, *phrase: str) -> bool:
        return all(
            (self.peek(ahead).word or self.peek(ahead).text) == part
            for ahead, part in enumerate(phrase)
        )

    def take(self, *phrase: str) -> bool:
        if not self.sees(*phrase):
            return False
        self.at += len(phrase)
        return True

    def take_any(self, *words: str) -> str:
        """The word that was there, or an empty text."""
        word = self.peek().word
        if word not in words:
            return ""
        self.at += 1
        return word

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def name(self) -> str:
        """`schema.name`, without PostgreSQL's default schema; empty when no name stands here."""
        parts: list[str] = []
        while self.peek().kind in ("word", "quoted", "string"):
            parts.append(self._folded(self.next()))
            if not (self.peek().text == "." and self.peek().kind == "sign"):
                break
            self.at += 1
        return ".".join(parts[1:] if parts[:1] == ["public"] and len(parts) > 1 else parts)

    def _folded(self, token: Token) -> str:
        return token.text if self.exact and token.kind == "quoted" else token.text.lower()

    def group(self) -> list[Token]:
        """What stands between the bracket here and the one that closes it, else nothing."""
        if self.peek().text not in _OPENING or self.peek().kind != "sign":
            return []
        first, level = self.at + 1, 0
        while not self.done:
            level += _step(self.next())
            if level == 0:
                return list(self.tokens[first : self.at - 1])
        return list(self.tokens[first:])

    def until(self, *words: str) -> list[Token]:
        """Up to a comma or one of the words outside of brackets, or the end."""
        first, level = self.at, 0
        while not self.done:
            token = self.peek()
            if level <= 0 and (token.word in words or (token.text == "," and not token.word)):
                break
            level += _step(token)
            self.at += 1
        return list(self.tokens[first : self.at])

    def until_word(self, word: str) -> list[Token]:
        """Up to the word outside of brackets, or the end."""
        first, level = self.at, 0
        while not self.done and not (level <= 0 and self.peek().word == word):
            level += _step(self.next())
        return list(self.tokens[first : self.at])

    def rest(self) -> list[Token]:
        first, self.at = self.at, len(self.tokens)
        return list(self.tokens[first:])


def _step(token: Token) -> int:
    if token.kind != "sign":
        return 0
    return (token.text in _OPENING) - (token.text in _CLOSING)


def parts_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """Split at the commas outside of brackets; empty parts are left out."""
    found: list[list[Token]] = [[]]
    level = 0
    for token in tokens:
        level += _step(token)
        if token.kind == "sign" and token.text == "," and level <= 0:
            found.append([])
        else:
            found[-1].append(token)
    return [part for part in found if part]


def words_outside(tokens: Sequence[Token]) -> list[str]:
    """The plain words that stand outside of brackets, in upper case."""
    found, level = [], 0
    for token in tokens:
        level += _step(token)
        if level <= 0 and token.word:
            found.append(token.word)
    return found
