import { expect, test } from 'vitest'
import { compareKeys, schemaKeys, valueKeys } from './sample-config.ts'

const schema = {
  type: 'object',
  properties: { port: { type: 'integer' }, storage: { type: 'object', properties: { dir: {}, kind: {} } }, tags: { type: 'object' } },
}

test('keys are dotted paths of leaves', () => {
  expect(schemaKeys(schema)).toEqual(['port', 'storage.dir', 'storage.kind', 'tags'])
  expect(valueKeys({ port: 1, storage: { dir: '/x' }, hosts: ['a'] })).toEqual(['port', 'storage.dir', 'hosts'])
})

test('both directions are told', () => {
  expect(compareKeys(['port', 'dir'], ['port', 'dri']).problems).toEqual([
    'deploy/config.sample.json lacks "dir", which packages/server/src/config.ts reads',
    'deploy/config.sample.json has "dri", which packages/server/src/config.ts does not know',
  ])
})
