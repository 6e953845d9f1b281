// What `machine create` and `machine run` both take to say what kind of machine it is to be.

import { CREATE_DEFAULTS } from '@nullspace/sdk'
import { jsonObject, pairs, text, toggle, whole } from '../core/options.ts'

export const machineOptions = {
  template: text('--template <name>', `Template to create from (default: ${CREATE_DEFAULTS.template})`),
  snapshotId: text('--snapshot-id <id>', 'Create from a snapshot; size and template then come from it'),
  vcpus: whole('--vcpus <n>', `Virtual CPUs (default: ${CREATE_DEFAULTS.vcpus})`),
  memory: whole('--memory <mib>', `Memory, MiB (default: ${CREATE_DEFAULTS.memoryMb})`),
  disk: whole('--disk <mib>', 'Smallest root disk, MiB'),
  cwd: text('--cwd <path>', 'Working directory of commands'),
  env: pairs('--env <K=V>', 'Environment of every command'),
  envJson: jsonObject('--env-json <object>', 'The same as a JSON object'),
  metadata: pairs('--metadata <K=V>', 'Metadata to find the machine by'),
  metadataJson: jsonObject('--metadata-json <object>', 'The same as a JSON object'),
  internetAccess: toggle('internet-access', 'Network for the machine (default: yes)'),
}

/** Single pairs win over those of the JSON object; undefined when neither is there. */
export function merged(json: Readonly<Record<string, unknown>> | undefined, single: Readonly<Record<string, string>> | undefined) {
  return json || single ? { ...json, ...single } : undefined
}
