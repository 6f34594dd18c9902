tenant:
  name: ${name}
  host: ${name}.${region.domain}
adapter:
  replicas: ${region.replica}
