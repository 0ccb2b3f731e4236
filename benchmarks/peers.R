# Seconds that R needs for one line per series: Rscript peers.R INPUT.csv (series, weeks, load); start-up and reading are left out.
suppressPackageStartupMessages(library(survival))
rows <- read.csv(commandArgs(trailingOnly = TRUE)[1])
parts <- split(rows, rows$series)
for (d in parts[1:10]) { lm(load ~ weeks, data = d); survreg(Surv(load) ~ weeks, data = d, dist = "gaussian", scale = 0.2) }
seconds <- function(fit) system.time(slopes <<- vapply(parts, fit, 0.0))[["elapsed"]]
cat(seconds(function(d) -coef(lm(load ~ weeks, data = d))[["weeks"]]), format(sum(slopes), digits = 15), "\n")
cat(seconds(function(d) -coef(survreg(Surv(load) ~ weeks, data = d, dist = "gaussian", scale = 0.2))[["weeks"]]), format(sum(slopes), digits = 15), "\n")
