# Where the sandbox is. `make demo` writes this file anew, since the registry's port changes from run
# to run and the label of a block cannot hold a variable.

cluster "sandbox" {
  kubeconfig = "../kubeconfig"
}

variable "registry" {
  type        = string
  default     = "localhost:5000"
  description = "The registry that holds the charts, host:port."
}

registry "localhost:5000" {
  plain_http = true
}
