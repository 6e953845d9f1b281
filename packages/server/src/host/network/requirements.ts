// What a host must have before it can give slots, each lack in one sentence that says what to do about it.

import { access } from 'node:fs/promises'
import { MissingProgramError, ProgramError, run } from './run.ts'
import type { Op } from '../../observe/op.ts'

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', sysctl: 'procps' }

export class NetworkRequirementError extends Error {
  override readonly name = 'NetworkRequirementError'
}

/** The parts that can be named before a slot is tried. */
export async function checkHost(op: Op, uid = process.geteuid?.() ?? 0): Promise<void> {
  if (uid !== 0) throw new NetworkRequirementError('machine networks need root: run the daemon as root, or configure it without a network')
  for (const [program, args] of [
    ['ip', ['-V']],
    ['nft', ['--version']],
    ['sysctl', ['--version']],
  ] as const) {
    await run(op, program, args).catch((error: unknown) => {
      throw explain(error)
    })
  }
  await access('/dev/net/tun').catch(() => {
    throw new NetworkRequirementError('there is no /dev/net/tun: load the kernel module tun, or give the container --device /dev/net/tun')
  })
}

/** The error of a first slot, as what the host lacks; errors we cannot place come back as they are. */
export function explain(error: unknown): unknown {
  if (error instanceof MissingProgramError) {
    return new NetworkRequirementError(
      `${error.program} is missing: install ${PACKAGES[error.program] ?? error.program} with the system's package manager`,
    )
  }
  if (!(error instanceof ProgramError)) return error
  const sentence = SENTENCES.find(([pattern]) => pattern.test(error.stderr))?.[1]
  return sentence === undefined ? error : new NetworkRequirementError(sentence, { cause: error })
}

// The order matters: the general refusals stand last.
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/\/dev\/net\/tun|TUNSETIFF/, 'the kernel gives no tap devices: load the module tun, or give the container --device /dev/net/tun'],
  [/sysctl: .*(Read-only|ermission denied)/, '/proc/sys is read-only here: run the daemon outside a container, or in a privileged one'],
  [/Unknown device type|RTNETLINK answers: Operation not supported/, 'the kernel has no veth devices: load the module veth'],
  [
    /mount .*\/run\/netns|mount --make-shared|Failed to create a new network namespace|CLONE_NEWNET/,
    'network namespaces cannot be made here: run the daemon outside a container, or in a privileged one',
  ],
  [
    /nft.*netlink|Unable to initialize Netlink|cache initialization failed|Could not process rule|Protocol not supported/,
    'the kernel does not take the nftables rules: it needs nf_tables with nat, ct, reject and masquerade',
  ],
  [
    /Operation not permitted|Permission denied/,
    'the kernel refuses to make networks: the daemon needs CAP_NET_ADMIN and CAP_SYS_ADMIN, as root outside a container has them',
  ],
]
