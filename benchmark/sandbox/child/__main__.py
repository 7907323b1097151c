"""The worker's process: `python -m benchmark.sandbox.child GIVEN RETURNED SUBMISSION SCRATCH`."""

import gc


def main() -> None:
    gc.disable()  # imports leave no garbage worth the 0.5 s that looking for it takes; the worker enables it again
    from benchmark.sandbox.child.worker import serve_to_the_end

    serve_to_the_end()


if __name__ == "__main__":
    main()
