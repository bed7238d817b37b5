$h=@{}
$h['routes']=@(Get-NetRoute -PolicyStore ActiveStore|Select-Object DestinationPrefix,NextHop,InterfaceIndex,InterfaceAlias,RouteMetric,InterfaceMetric,@{n='Protocol';e={[int]$_.Protocol}},@{n='Store';e={[int]$_.Store}})
$h['neighbours']=@(Get-NetNeighbor -PolicyStore ActiveStore|Select-Object IPAddress,LinkLayerAddress,InterfaceIndex,InterfaceAlias,@{n='State';e={[int]$_.State}})
