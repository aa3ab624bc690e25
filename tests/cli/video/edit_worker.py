"""`lipar` in a subprocess that runs many commands: a crash in FFmpeg ends that process, not the tests."""

import contextlib
import io
import json
import subprocess
import sys
import traceback

from harness.local import ROOT

TIMEOUT_S = 60.0  # of one command; the usual one takes well under a second


class EditWorker:
    """Context manager: runs commands one by one, restarting the process after a crash."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "EditWorker":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.communicate("")

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error. Raises `AssertionError` at a crash."""
        if self.process is None:
            command = [sys.executable, "-m", "tests.cli.video.edit_worker"]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps([str(argument) for argument in arguments]) + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            code, self.process = self.process.wait(TIMEOUT_S), None
            raise AssertionError(f"the process ended with {code}: {arguments}")
        code, out, err = json.loads(answer)
        return code, out, err


def main() -> None:
    from lipar_cli.main import main as lipar

    answers = sys.stdout
    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = lipar(json.loads(line))
            except SystemExit as left:
                code = int(left.code or 0)
            except Exception:  # what a user would see as a traceback
                code = 1
                traceback.print_exc()
        json.dump([code, out.getvalue(), err.getvalue()], answers)
        answers.write("\n")
        answers.flush()


if __name__ == "__main__":
    main()
