import { QUOTA_KINDS, getQuota, type QuotaState } from '@nullspace/contract/quotas.ts'
import { defineCommand, type Context } from '../core/command.ts'
import { optionalArgument } from '../core/options.ts'
import { table } from '../core/table.ts'

export const quotaShow = defineCommand({
  path: 'quota show',
  summary: 'Show what an owner may hold, and holds.',
  args: { owner: optionalArgument('owner', 'Name of the owner; others need an operator’s key (default: your own)') },
  examples: ['nullspace quota show', 'nullspace quota show team-a --json'],
  run: ({ client, args: { owner = 'me' }, io }) => client.call(getQuota, { params: { owner } }, { signal: io.signal }),
  render: showQuota,
})

export function showQuota({ owner, limits, used }: QuotaState, { io, note }: Pick<Context<unknown>, 'io' | 'note'>): void {
  io.stdout.write(
    table(
      ['of', 'used', 'limit'],
      QUOTA_KINDS.map((kind) => [kind, used[kind], limits[kind] ?? 'none']),
    ),
  )
  note(`owner ${owner}`)
}
