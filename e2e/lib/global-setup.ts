// One daemon for all end-to-end tests: making its templates is what costs. It and its host are judged at the end.

import type { TestProject } from 'vitest/node'
import { Daemon } from './daemon.ts'
import { startInternet } from './internet.ts'
import type { SharedFacts } from './shared.ts'

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using undo = new AsyncDisposableStack()
  const { internet } = undo.use(await startInternet())
  const daemon = new Daemon({
    name: 'shared',
    // Webhooks of tests are posted to this box.
    env: { NULLSPACE_DNS_UPSTREAMS: JSON.stringify([internet.address]), NULLSPACE_WEBHOOK_PRIVATE_TARGETS: '1' },
  })
  undo.use(daemon)
  const clientDir = `${daemon.dataDir}/client`
  await daemon.start({ NULLSPACE_CLIENT_CONFIG: `${clientDir}/nullspace/config.json` })
  await daemon.shapesReady()
  const { client, pid, place, spareSlots } = daemon
  const facts: SharedFacts = { pid, place, spareSlots, internet, clientDir, logFile: daemon.logFile }
  process.env['NULLSPACE_E2E_URL'] = client.url
  process.env['NULLSPACE_E2E_KEY'] = client.key
  process.env['NULLSPACE_E2E_SHARED'] = JSON.stringify(facts)
  const kept = undo.move()
  return async () => {
    if (project.vitest.state.getCountOfFailedTests() > 0) console.error(`evidence of the shared daemon is in ${daemon.keepEvidence()}`)
    await kept.disposeAsync()
  }
}
