def report_figures(wildcards):
    return [results("figures/metrics.svg")]
