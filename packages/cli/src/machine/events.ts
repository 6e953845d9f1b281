import { listMachineLifecycleEvents } from '@nullspace/contract/events.ts'
import { defineCommand } from '../core/command.ts'
import { argument } from '../core/options.ts'
import { pageOptions, pageQuery, showPage } from '../event/page.ts'

export const machineEvents = defineCommand({
  path: 'machine events',
  summary: 'List what happened to a machine, newest first; also to one that is gone.',
  args: { id: argument('id', 'Machine id') },
  options: pageOptions,
  examples: ['nullspace machine events mch_abc', 'nullspace machine events mch_abc --status failed --json'],
  run: ({ client, args, io }) =>
    client.call(listMachineLifecycleEvents, { params: { id: args.id }, query: pageQuery(args) }, { signal: io.signal }),
  render: showPage,
})
