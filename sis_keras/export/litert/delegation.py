"""Which operators of a LiteRT file XNNPACK runs."""

from sis_keras.restoring.litert import open_interpreter


def delegation(content: bytes) -> tuple[list[str], list[str]]:
    """Kinds of the operators that XNNPACK takes, and of those that it leaves.

    Args:
        content: Of a file.
    """
    # A delegate stands in the list beside the steps that it replaces: those
    # between its inputs and its outputs.
    steps = open_interpreter(content)._get_ops_details()
    maker = {
        output: step
        for step in steps
        if step["op_name"] != "DELEGATE"
        for output in step["outputs"]
    }
    taken = set()
    for delegate in steps:
        if delegate["op_name"] != "DELEGATE":
            continue
        inputs, wanted = set(delegate["inputs"]), list(delegate["outputs"])
        while wanted:
            tensor = wanted.pop()
            step = maker.get(tensor)
            if tensor in inputs or not step or step["index"] in taken:
                continue
            taken.add(step["index"])
            wanted.extend(step["inputs"])
    delegated: list[str] = []
    left: list[str] = []
    for step in maker.values():
        where = delegated if step["index"] in taken else left
        where.append(step["op_name"])
    return delegated, left
