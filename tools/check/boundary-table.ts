// Who may import whom, and why: the arrows of docs/ARCHITECTURE.md as a table. A change here is a change of the architecture.

/** An area is a folder or a file; the longest prefix that fits a path decides. */
export const areas = {
  contract: 'packages/contract/src/',
  'guest-protocol': 'packages/guest-protocol/src/',
  'guest-protocol/names': 'packages/guest-protocol/src/names.ts',
  vmm: 'packages/vmm/src/',
  'vmm/op': 'packages/vmm/src/op.ts',
  'vmm/qemu': 'packages/vmm/src/qemu/',
  'vmm/examinee': 'packages/vmm/src/qemu/examinee.ts',
  'vmm/fake': 'packages/vmm/src/fake/',
  'vmm/exam': 'packages/vmm/src/exam/',
  'server/main': 'packages/server/src/main.ts',
  'server/compose': 'packages/server/src/compose/',
  'server/config': 'packages/server/src/config.ts',
  'server/http': 'packages/server/src/http/',
  'server/proxy': 'packages/server/src/proxy/',
  'server/ssh': 'packages/server/src/ssh/',
  'server/app': 'packages/server/src/app/',
  'server/workflows': 'packages/server/src/workflows/',
  'server/reconcilers': 'packages/server/src/reconcilers/',
  'server/domain': 'packages/server/src/domain/',
  'server/store': 'packages/server/src/store/',
  'server/host': 'packages/server/src/host/',
  'server/host/interface': 'packages/server/src/host/host.ts',
  'server/host/guest': 'packages/server/src/host/guest/guest.ts',
  'server/host/guest/files': 'packages/server/src/host/guest/guest-files.ts',
  'server/host/dial': 'packages/server/src/host/dial.ts',
  'server/observe': 'packages/server/src/observe/',
  'server/test': 'packages/server/test/',
  sdk: 'packages/sdk/src/',
  cli: 'packages/cli/src/',
  console: 'packages/console/src/',
  e2e: 'e2e/',
  bench: 'bench/',
  examples: 'examples/',
  tools: 'tools/',
} as const satisfies Record<string, string>

export type Area = keyof typeof areas

/** `AREA`, `AREA/*` for it and all below it, `types:AREA` for type-only imports, `node:*`, `npm:NAME`, `npm:*`, or `*`. */
export type Target = Area | `${string}/*` | `types:${Area}` | `node:${string}` | `npm:${string}` | '*'

export interface Arrow {
  readonly from: Area
  readonly mayImport: readonly Target[]
  readonly because: string
}

/** Every server folder may import these. */
const everywhere = ['contract', 'server/observe'] as const

export const arrows: readonly Arrow[] = [
  {
    from: 'contract',
    mayImport: ['npm:zod'],
    because: 'the contract is the wire as values; it runs in the daemon, the SDK and the browser alike',
  },
  {
    from: 'guest-protocol',
    mayImport: ['guest-protocol/names'],
    because: 'frames and messages are frozen into running guests; they depend on nothing that can change under them',
  },
  {
    from: 'guest-protocol/names',
    mayImport: [],
    because: 'how a name that is bytes is written as text is the same on the wire and in a guest',
  },

  { from: 'vmm', mayImport: ['vmm/op', 'node:*'], because: 'the driver border knows no driver, no server and no library' },
  { from: 'vmm/op', mayImport: ['node:*'], because: 'everything that waits takes an Op, so Op knows nothing' },
  {
    from: 'vmm/qemu',
    mayImport: ['vmm', 'vmm/op', 'node:*'],
    because: 'a driver knows files, sockets and processes of one VM; it knows no owners, templates or other drivers',
  },
  {
    from: 'vmm/examinee',
    mayImport: ['vmm', 'vmm/*', 'node:*', 'npm:vitest'],
    because: 'brings the real driver to the exam; only tests use it',
  },
  {
    from: 'vmm/fake',
    mayImport: ['vmm', 'vmm/op', 'guest-protocol', 'guest-protocol/names', 'node:*'],
    because: 'the fake stands in for a driver and its guest; it must not lean on the real one',
  },
  {
    from: 'vmm/exam',
    mayImport: ['vmm', 'vmm/op', 'guest-protocol', 'node:*', 'npm:vitest'],
    because: 'one exam for every driver: it sees the border only',
  },

  { from: 'server/main', mayImport: ['*'], because: 'the composition root, with compose/ beside it, is all that knows every folder' },
  {
    from: 'server/compose',
    mayImport: ['*'],
    because: 'the composition root in parts: constructs, starts, drains; holds no logic of its own',
  },
  {
    from: 'server/config',
    mayImport: [...everywhere, 'node:*', 'npm:zod'],
    because: 'config is read and parsed once, before anything else exists',
  },
  {
    from: 'server/http',
    mayImport: [
      ...everywhere,
      'server/app',
      'server/domain',
      'guest-protocol/names',
      'node:*',
      'npm:fastify',
      'npm:@fastify/*',
      'npm:ws',
      'npm:zod',
    ],
    because: 'the edge is thin: it parses, authorises, calls a use case and shows pure domain values; no SQL, no workflow, no host',
  },
  {
    from: 'server/proxy',
    mayImport: [...everywhere, 'server/app', 'server/host/dial', 'node:*'],
    because: 'preview traffic asks app whether and host where; of the host it may only dial',
  },
  {
    from: 'server/ssh',
    mayImport: [...everywhere, 'server/app', 'server/host/dial', 'node:*', 'npm:ssh2'],
    because: 'the gateway asks app whether and host where; of the host it may only dial',
  },
  {
    from: 'server/app',
    mayImport: [
      ...everywhere,
      'server/domain',
      'server/workflows',
      'server/store',
      'server/host/interface',
      'server/host/guest',
      'server/host/guest/files',
      'types:server/host',
      'npm:zod',
      'node:*',
    ],
    because: 'use cases speak to a host by interface only, and know neither HTTP nor SQL',
  },
  {
    from: 'server/workflows',
    mayImport: [...everywhere, 'server/domain', 'server/store', 'server/host', 'server/host/*', 'node:*'],
    because: 'a durable operation is steps over store and host; what calls it is above it',
  },
  {
    from: 'server/reconcilers',
    mayImport: [...everywhere, 'server/app', 'server/domain', 'server/workflows', 'server/store', 'server/host', 'server/host/*', 'node:*'],
    because: 'reconcilers take no input: they read state and act; nothing calls up from them to the edge',
  },
  {
    from: 'server/domain',
    mayImport: ['contract', 'server/observe'],
    because: 'domain is pure: no input, no output, no clock; time is a parameter',
  },
  {
    from: 'server/store',
    mayImport: [...everywhere, 'server/domain', 'node:*', 'npm:kysely', 'npm:pg'],
    because: 'the store is the only user of SQL, and knows no one above it',
  },
  {
    from: 'server/host',
    mayImport: [
      ...everywhere,
      'server/domain',
      'server/host/*',
      'vmm',
      'vmm/op',
      'guest-protocol',
      'guest-protocol/names',
      'node:*',
      'npm:zod',
    ],
    because: 'the data plane of one machine: it knows shapes and room, and no owners, quotas or rows',
  },
  {
    from: 'server/host/interface',
    mayImport: [...everywhere, 'server/domain', 'server/host/guest', 'types:server/host', 'vmm', 'vmm/op', 'guest-protocol', 'node:*'],
    because: 'the seam between this machine and many; an interface drags in no implementation',
  },
  {
    from: 'server/host/guest',
    mayImport: [...everywhere, 'guest-protocol', 'guest-protocol/names', 'types:server/host/guest/files'],
    because: 'what a machine’s agent can be asked, and the errors that come back; no transport',
  },
  {
    from: 'server/host/guest/files',
    mayImport: [...everywhere, 'guest-protocol'],
    because: 'what it can be asked of files; the same in a file of its own',
  },
  {
    from: 'server/host/dial',
    mayImport: [...everywhere, 'server/host', 'server/host/*', 'vmm', 'vmm/op', 'node:*'],
    because: 'the one door of the host that preview and SSH traffic may use',
  },
  {
    from: 'server/observe',
    mayImport: ['contract', 'vmm/op', 'node:*', 'npm:pino', 'npm:prom-client', 'npm:@opentelemetry/*'],
    because: 'observe is imported by all, so it may import nothing that could import it',
  },

  { from: 'sdk', mayImport: ['contract', 'node:*', 'npm:ws'], because: 'the SDK ships to users: it knows the wire, never the daemon' },
  { from: 'cli', mayImport: ['sdk', 'contract', 'node:*', 'npm:commander'], because: 'the CLI is a client like any other' },
  { from: 'console', mayImport: ['sdk', 'contract', 'npm:*'], because: 'the console is a client like any other, in a browser' },
  { from: 'examples', mayImport: ['sdk', 'node:*'], because: 'an example shows what a user can write' },
  {
    from: 'e2e',
    mayImport: ['sdk', 'contract', 'node:*', 'npm:*'],
    because: 'black box: it sees what a client sees, never the inside of the daemon',
  },
  {
    from: 'bench',
    mayImport: [
      'sdk',
      'contract',
      'vmm',
      'vmm/*',
      'guest-protocol',
      'server/host',
      'server/host/*',
      'server/observe',
      'tools',
      'node:*',
      'npm:*',
    ],
    because: 'measurements drive a client, a driver or a guest channel; the daemon is measured from outside',
  },
  { from: 'tools', mayImport: ['*'], because: 'tools may import anything and are imported by nothing but bench' },
  { from: 'server/test', mayImport: ['*'], because: 'in-process worlds are put together from every folder' },
]

/** Beyond what the code beside it may import, a test may import its own package and these. */
export const testsMayImport: readonly Target[] = [
  'contract',
  'guest-protocol',
  'vmm',
  'vmm/op',
  'vmm/fake',
  'vmm/exam',
  'sdk',
  'server/test',
  'node:*',
  'npm:vitest',
  'npm:fast-check',
]

export const processEnv = {
  // run.ts hands the daemon's environment on to the programs it runs; the examinee is told by tests where its image is.
  readers: ['packages/server/src/config.ts', 'packages/server/src/host/network/run.ts', 'packages/vmm/src/qemu/examinee.ts'],
  within: ['packages/server/src/', 'packages/vmm/src/', 'packages/contract/src/', 'packages/guest-protocol/src/'],
  because: 'config.ts is the only reader of the environment, so that all settings are parsed, documented and printed in one place',
} as const

export const hypervisorWord = {
  pattern: /qemu/i,
  within: ['packages/'],
  allowed: ['packages/vmm/src/qemu/', 'packages/server/src/config.ts', 'packages/server/src/main.ts', 'packages/server/src/compose/'],
  allowedNames: /(^|\/)doctor(\/|[.-])/,
  because:
    'ask for capabilities, never for the driver: its name stands only in its own folder, in config and doctor, and where main.ts picks it',
} as const
