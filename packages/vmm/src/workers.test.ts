import { expect, test } from 'vitest'
import { Workers } from './workers.ts'

const script = (body: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', ({ id, job }) => { ${body} })`)}`,
  )

test('a job on one thread, or on all of them', async () => {
  const workers = new Workers<number, [number, number]>(script('parentPort.postMessage({ id, result: [threadId, job * 2] })'), 2)
  expect((await workers.run(4))[1]).toBe(8)
  const both = await workers.runOnAll(5)
  expect(both.map(([, result]) => result)).toEqual([10, 10])
  expect(new Set(both.map(([thread]) => thread)).size).toBe(2)
})

test('jobs at the same time are spread, and answers find their question', async () => {
  const workers = new Workers<number, [number, number]>(
    script('setTimeout(() => parentPort.postMessage({ id, result: [threadId, job] }), 40 - job * 10)'),
    2,
  )
  const results = await Promise.all([0, 1, 2, 3].map((job) => workers.run(job)))
  expect(results.map(([, job]) => job)).toEqual([0, 1, 2, 3])
  expect(new Set(results.map(([thread]) => thread)).size).toBe(2)
})

test('a thread that dies fails what it had, and the next job has another', async () => {
  const workers = new Workers<string, string>(
    script(`if (job === 'die') throw new Error('dead'); if (job === 'leave') process.exit(1); parentPort.postMessage({ id, result: job })`),
    1,
  )
  for (const end of ['die', 'leave']) {
    await expect(workers.run(end)).rejects.toThrow('A worker thread ended')
    expect(await workers.run('work')).toBe('work')
  }
})
