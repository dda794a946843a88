module gather

go 1.26
