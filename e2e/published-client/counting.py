"""A process that counts in memory: whether it goes on, and whether it is the same one, is what pause and fork are about."""

from harness import until

# What it has counted to stands in a file, replaced whole; what it is, in another, written once.
COUNTER = """\
echo begun >> /tmp/beginnings; echo $$ > /tmp/counter
i=0; while :; do i=$((i + 1)); echo $i > /tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.1; done"""


def start_counting(machine):
    machine.commands.run(f"nohup sh -c '{COUNTER}' >/dev/null 2>&1 &", shell=True)
    until(lambda: count_of(machine), lambda count: count >= 3)


def count_of(machine):
    return int(machine.commands.run("cat /tmp/count 2>/dev/null || echo 0", shell=True).stdout)


def counts_on(machine, after):
    """It counts beyond `after`, and was never begun anew. Gives where it is."""
    count = until(lambda: count_of(machine), lambda seen: seen > after)
    look = machine.commands.run("test -d /proc/$(cat /tmp/counter) && wc -l < /tmp/beginnings", shell=True)
    assert (look.exit_code, look.stdout.strip()) == (0, "1"), look
    return count


def stop_counting(machine):
    assert machine.commands.run("kill $(cat /tmp/counter)", shell=True).exit_code == 0
    until(lambda: machine.commands.run("test -d /proc/$(cat /tmp/counter)", shell=True).exit_code, lambda code: code == 1)
