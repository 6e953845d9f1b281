import { setQuota } from '@nullspace/contract/quotas.ts'
import { InvalidArgumentError } from 'commander'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { argument, type OptionSpec } from '../core/options.ts'
import { showQuota } from './show.ts'

type Bound = number | 'none'

function bound(flags: string, about: string): OptionSpec<Bound | undefined> {
  return {
    flags,
    about,
    parse(value) {
      if (value === 'none') return value
      if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number, or none.')
      return Number(value)
    },
  }
}

export const quotaSet = defineCommand({
  path: 'quota set',
  summary: 'Change what an owner may hold; what is not named stays. Needs an operator’s key.',
  args: { owner: argument('owner', 'Name of the owner, or me') },
  options: {
    machines: bound('--machines <n|none>', 'Machines, running or paused'),
    vcpus: bound('--vcpus <n|none>', 'Virtual CPUs of running machines'),
    memoryMb: bound('--memory-mb <n|none>', 'Memory of running machines, MiB'),
    snapshots: bound('--snapshots <n|none>', 'Snapshots'),
    diskMb: bound('--disk-mb <n|none>', 'Disk of all of it, MiB'),
  },
  examples: ['nullspace quota set team-a --machines 20 --memory-mb 16384', 'nullspace quota set team-a --snapshots none'],
  async run({ client, args: { owner, machines, vcpus, memoryMb, snapshots, diskMb }, io }) {
    const given = { machines, vcpus, memory_mb: memoryMb, snapshots, disk_mb: diskMb }
    const body = Object.fromEntries(
      Object.entries(given).flatMap(([kind, value]) => (value === undefined ? [] : [[kind, value === 'none' ? null : value] as const])),
    )
    if (Object.keys(body).length === 0) throw usageError('nothing to change', 'Name a bound, e.g. --machines 20 or --machines none.')
    return client.call(setQuota, { params: { owner }, body }, { signal: io.signal })
  },
  render: showQuota,
})
