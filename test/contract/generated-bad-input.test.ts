import { expect, test } from 'vitest'
import { validateInput } from '../../src/api/model-validation.ts'
import { decodeForm } from '../../src/api/query/form.ts'
import { parseQuery } from '../../src/api/query/parse-query.ts'
import { Ec2Error } from '../../src/ec2/errors.ts'
import { loadModel } from '../../src/ec2-model/model.ts'
import { listBadJson } from './generated/bad-json.ts'
import { listBadQueries } from './generated/bad-query.ts'

const model = loadModel()

function errorOf(work: () => unknown): string {
  try {
    work()
    return 'nothing'
  } catch (error) {
    return error instanceof Ec2Error && error.status >= 400 && error.status < 500
      ? error.code
      : `no error of EC2: ${String(error)}`
  }
}

test.each(model.operationNames)('the query front end refuses all that the model forbids in %s', (operation) => {
  const wrong = listBadQueries(model, operation).flatMap(({ what, form, codes }) => {
    const told = errorOf(() => parseQuery(model, decodeForm(`Action=${operation}&Version=${model.version}&${form}`)))
    return codes.includes(told) ? [] : [`${what}: ${told} instead of ${codes.join(' or ')}`]
  })
  expect(wrong).toEqual([])
})

test.each(model.operationNames)('the socket refuses all that the model forbids in %s', (operation) => {
  const wrong = listBadJson(model, operation).flatMap(({ what, input, codes }) => {
    const told = errorOf(() => validateInput(model, operation, input))
    return codes.includes(told) ? [] : [`${what}: ${told} instead of ${codes.join(' or ')}`]
  })
  expect(wrong).toEqual([])
})
