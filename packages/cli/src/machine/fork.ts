import { MOST_FORKS, forkMachine, forkMachineMany } from '@nullspace/contract/lifecycle.ts'
import { defineCommand } from '../core/command.ts'
import { argument, text, whole } from '../core/options.ts'

export const machineFork = defineCommand({
  path: 'machine fork',
  summary: 'Make children that go on from a running machine’s memory and disk; it goes on too.',
  args: { id: argument('id', 'Machine id') },
  options: {
    count: whole('--count <n>', `So many of one instant, all or none, 1 to ${MOST_FORKS} (default: 1)`),
    idempotencyKey: text('--idempotency-key <key>', 'Makes repeats of this command give the same children'),
  },
  examples: ['CHILD=$(nullspace machine fork mch_abc)', 'nullspace machine fork mch_abc --count 8 --json'],
  /** One child is one object, as of the API; with --count it is a list. */
  async run({ client, args: { id, count, idempotencyKey }, io, json, note }) {
    const call = { signal: io.signal, idempotencyKey }
    if (!json) note(`forking ${id}${count === undefined ? '' : ` ${count} times`}`)
    if (count === undefined) return client.call(forkMachine, { params: { id } }, call)
    return (await client.call(forkMachineMany, { params: { id }, body: { count } }, call)).items
  },
  render: (made, { io }) =>
    io.stdout.write(
      [made]
        .flat()
        .map(({ id }) => `${id}\n`)
        .join(''),
    ),
})
