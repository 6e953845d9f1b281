// What /metrics says of captures: how long a machine stood still, and for how much.

import { expect, test } from 'vitest'
import { createWorld, type World } from './world.ts'

const counted = async ({ daemon }: World): Promise<Record<string, number>> => {
  const { captureStopped, captureBytes } = daemon.app.metrics
  const values = [...(await captureStopped.get()).values, ...(await captureBytes.get()).values]
  return Object.fromEntries(values.flatMap(({ metricName, value }) => (metricName?.endsWith('_count') ? [[metricName, value]] : [])))
}

test('every snapshot, fork and pause is counted once, and nothing else is', async () => {
  await using world = await createWorld()
  const { id } = await world.machine()
  expect(await counted(world)).toEqual({ nullspace_capture_stopped_seconds_count: 0, nullspace_capture_bytes_count: 0 })
  const paths = [`/v1/machines/${id}/snapshots`, `/v1/machines/${id}/forks`, `/v1/machines/${id}/hibernate`]
  for (const path of paths) {
    const { status } = await world.call('POST', path, path.endsWith('forks') ? { body: { count: 3 } } : {})
    expect(status).toBeLessThan(300)
  }
  await world.call('POST', `/v1/machines/${id}/resume`)
  expect(await counted(world)).toEqual({ nullspace_capture_stopped_seconds_count: 3, nullspace_capture_bytes_count: 3 })
})
