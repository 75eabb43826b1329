/** Names of pipelines and components, which are names of files too. */
export const pipelineName = /^[a-z][a-z0-9-]{0,63}$/
