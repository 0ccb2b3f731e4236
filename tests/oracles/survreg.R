# One line per series by R: Rscript survreg.R INPUT.csv OUTPUT.csv
# INPUT: series, t (weeks), lo, hi (log10; NA = open on that side), sigma (one per series).
# OUTPUT: survival::survreg (Gaussian, scale fixed at sigma) and, where every value is quantified, stats::lm with the
# standard error of the known sigma. Declines are positive when the value falls. `warned` = 1: R gave a warning or an error.
suppressPackageStartupMessages(library(survival))
files <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(files[1], colClasses = c("character", rep("numeric", 4)))
one <- function(d) {
  for (tolerance in c(1e-14, 1e-12, 1e-10)) {  # the strictest that R reaches: near the top rounding may hide the last gain
    warned <- 0
    found <- c(NA, NA, NA)
    control <- survreg.control(rel.tolerance = tolerance, maxiter = 500, toler.chol = 1e-14)
    fit <- tryCatch(
      withCallingHandlers(
        survreg(Surv(lo, hi, type = "interval2") ~ t, data = d, dist = "gaussian", scale = d$sigma[1], control = control),
        warning = function(w) { warned <<- 1; invokeRestart("muffleWarning") }),
      error = function(e) { warned <<- 1; NULL })
    if (!is.null(fit)) found <- c(-coef(fit)[["t"]], sqrt(vcov(fit)["t", "t"]), fit$loglik[2])
    if (warned == 0) break
  }
  line <- c(NA, NA)
  if (all(!is.na(d$lo) & !is.na(d$hi)) && all(d$lo == d$hi) && length(unique(d$t)) > 1) {
    plain <- lm(lo ~ t, data = d)
    line <- c(-coef(plain)[["t"]], d$sigma[1] * sqrt(summary(plain)$cov.unscaled["t", "t"]))
  }
  c(nrow(d), sum(is.na(d$lo) | is.na(d$hi) | d$lo != d$hi), found, line, warned)
}
parts <- split(rows, factor(rows$series, levels = unique(rows$series)))
out <- t(vapply(parts, one, numeric(8)))
colnames(out) <- c("n", "n_censored", "decline_log10_per_week", "se", "loglik", "lm_decline_log10_per_week", "lm_se", "warned")
write.table(cbind(series = names(parts), apply(out, 2, function(x) ifelse(is.na(x), "", sprintf("%.17g", x)))),
            files[2], sep = ",", row.names = FALSE, quote = FALSE)
