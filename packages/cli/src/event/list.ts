import { listLifecycleEvents } from '@nullspace/contract/events.ts'
import { defineCommand } from '../core/command.ts'
import { text } from '../core/options.ts'
import { pageOptions, pageQuery, showPage } from './page.ts'

export const eventList = defineCommand({
  path: 'event list',
  summary: 'List what was asked of machines and snapshots, and what came of it; newest first.',
  options: {
    ...pageOptions,
    machineId: text('--machine-id <id>', 'Only of this machine'),
    snapshotId: text('--snapshot-id <id>', 'Only of this snapshot'),
    sourceMachineId: text('--source-machine-id <id>', 'Only where this machine is the source of a fork or copy'),
    targetMachineId: text('--target-machine-id <id>', 'Only where this machine is what came of it'),
  },
  examples: ['nullspace event list', 'nullspace event list --operation fork --status failed --from-time 2026-11-01T00:00:00Z --json'],
  run({ client, args, io }) {
    const { machineId, snapshotId, sourceMachineId, targetMachineId } = args
    const query = {
      ...pageQuery(args),
      ...(machineId !== undefined && { machine_id: machineId }),
      ...(snapshotId !== undefined && { snapshot_id: snapshotId }),
      ...(sourceMachineId !== undefined && { source_machine_id: sourceMachineId }),
      ...(targetMachineId !== undefined && { target_machine_id: targetMachineId }),
    }
    return client.call(listLifecycleEvents, { query }, { signal: io.signal })
  },
  render: showPage,
})
