import logging


class OneLine(logging.Filter):
    """Keeps what is said, leaves out where in a library it was said."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.msg, record.args = " ".join(record.getMessage().split()), ()
        return True
